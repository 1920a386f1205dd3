"""What is drawn of an episode's states besides its pictures: other colours, how near things are, how they move."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SIDE = 64
SECOND_LOOKS = {"recoloured", "nearness", "flow"}  # names of the arrays in files


class SecondLooks(NamedTuple):
    """Pictures in other colours (T, 64, 64, 3), nearness (T, 64, 64) from 0 to 255, and true flow (T, 64, 64, 3).

    None if not recorded.
    """

    recoloured: NDArray[np.uint8] | None
    nearness: NDArray[np.uint8] | None
    flow: NDArray[np.float16] | None = None

    def cut(self, start: int, end: int) -> "SecondLooks":
        """The frames from `start` to before `end`."""
        recoloured, nearness, flow = self
        return SecondLooks(
            None if recoloured is None else recoloured[start:end],
            None if nearness is None else nearness[start:end],
            None if flow is None else flow[start:end],
        )


def read_second_looks(arrays: Mapping[str, NDArray[Any]], frames: int) -> SecondLooks:
    """Those among the arrays of a file of so many frames. Raises ValueError."""
    byte = np.dtype(np.uint8)
    return SecondLooks(
        recoloured=_checked(arrays, "recoloured", (frames, SIDE, SIDE, 3), byte),
        nearness=_checked(arrays, "nearness", (frames, SIDE, SIDE), byte),
        flow=read_flow(arrays, (frames,)),
    )


def read_flow(arrays: Mapping[str, NDArray[Any]], frames: tuple[int, ...]) -> NDArray[np.float16] | None:
    """The true flow among the arrays of a file, (*frames, 64, 64, 3). Raises ValueError."""
    flow = _checked(arrays, "flow", (*frames, SIDE, SIDE, 3), np.dtype(np.float16))
    if flow is not None and not np.isfinite(flow).all():
        raise ValueError("`flow` holds NaN or infinity")
    return flow


def _checked(
    arrays: Mapping[str, NDArray[Any]], name: str, shape: tuple[int, ...], kind: np.dtype[Any]
) -> NDArray[Any] | None:
    array = arrays.get(name)
    if array is not None and (array.dtype != kind or array.shape != shape):
        raise ValueError(f"`{name}` is {array.dtype} {array.shape}, expected {kind} {shape}")
    return array
