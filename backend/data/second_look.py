"""The states of an episode drawn a second time: their pictures in other colours, and how near what they show is."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SIDE = 64
SECOND_LOOKS = {"recoloured", "nearness"}  # names of the arrays in files


class SecondLooks(NamedTuple):
    """Pictures in other colours (T, 64, 64, 3), and nearness (T, 64, 64) from 0 to 255; None if not recorded."""

    recoloured: NDArray[np.uint8] | None
    nearness: NDArray[np.uint8] | None

    def cut(self, start: int, end: int) -> "SecondLooks":
        """The frames from `start` to before `end`."""
        return SecondLooks(*(None if array is None else array[start:end] for array in self))


def read_second_looks(arrays: Mapping[str, NDArray[Any]], frames: int) -> SecondLooks:
    """Those among the arrays of a file of so many frames. Raises ValueError."""
    shapes = {"recoloured": (frames, SIDE, SIDE, 3), "nearness": (frames, SIDE, SIDE)}
    found = []
    for name, shape in shapes.items():
        array = arrays.get(name)
        if array is not None and (array.dtype != np.uint8 or array.shape != shape):
            raise ValueError(f"`{name}` is {array.dtype} {array.shape}, expected uint8 {shape}")
        found.append(array)
    return SecondLooks(*found)
