"""The protocol of every store: objects that are created once, whole or not at all, and never changed."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol


class StoreError(Exception):
    """The store does not answer, or refuses; one sentence without credentials."""


class ObjectMissing(StoreError):
    """There is no object with this key."""


class ObjectDamaged(StoreError):
    """The content of an object is not what was put there."""


class Halted(StoreError):
    """The caller asked to stop."""


class Objects(Protocol):
    """A store of objects by key, such as `runs/run-a/000000001/<hash>`. Every method raises StoreError."""

    def create(self, key: str, content: bytes) -> bool:
        """Put an object, whole or not at all, unless there is one with this key; returns whether it was put."""

    def read(self, key: str) -> bytes:
        """The content of an object. Raises ObjectMissing."""

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys below a prefix, which names whole folders: `runs/run-a`."""

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; those that are gone already do not matter."""


class HaltableObjects:
    """Another store, but it raises Halted once `halted` says so: a long copy then ends between two objects."""

    def __init__(self, objects: Objects, halted: Callable[[], bool]) -> None:
        self._objects = objects
        self._halted = halted

    def create(self, key: str, content: bytes) -> bool:
        """As Objects says."""
        self._check()
        return self._objects.create(key, content)

    def read(self, key: str) -> bytes:
        """As Objects says."""
        self._check()
        return self._objects.read(key)

    def keys(self, prefix: str) -> Iterator[str]:
        """As Objects says."""
        self._check()
        return self._objects.keys(prefix)

    def delete(self, keys: Iterable[str]) -> None:
        """As Objects says."""
        self._check()
        self._objects.delete(keys)

    def _check(self) -> None:
        if self._halted():
            raise Halted("copying was stopped")
