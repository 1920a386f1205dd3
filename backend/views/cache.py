"""A cache bounded by the bytes of what it holds."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class ByteCache(Generic[Value]):
    """The values used last, as many as fit into a number of bytes."""

    def __init__(self, limit: int, size_of: Callable[[Value], int]) -> None:
        self.limit = limit
        self.used = 0
        self._size_of = size_of
        self._values: OrderedDict[Hashable, Value] = OrderedDict()

    def get(self, key: Hashable) -> Value | None:
        """The value, which thereby becomes the one used last."""
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key]

    def put(self, key: Hashable, value: Value) -> None:
        """Keeps a value and drops those unused for longest; one larger than the limit is not kept."""
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
