"""A cache limited by the size of its values in bytes."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class ByteCache(Generic[Value]):
    """The most recently used values, as many as fit into a number of bytes."""

    def __init__(self, limit: int, size_of: Callable[[Value], int]) -> None:
        self.limit = limit
        self.used = 0
        self._size_of = size_of
        self._values: OrderedDict[Hashable, Value] = OrderedDict()

    def get(self, key: Hashable) -> Value | None:
        """The value, which becomes the most recently used."""
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key]

    def put(self, key: Hashable, value: Value) -> None:
        """Stores a value and drops the least recently used; one larger than the limit is not stored."""
        self.drop(key)
        size = self._size_of(value)
        if size > self.limit:
            return
        self._values[key] = value
        self.used += size
        while self.used > self.limit:
            self.drop(next(iter(self._values)))

    def drop(self, key: Hashable) -> None:
        """Forgets a value, if it is here."""
        value = self._values.pop(key, None)
        if value is not None:
            self.used -= self._size_of(value)

    def __len__(self) -> int:
        return len(self._values)
