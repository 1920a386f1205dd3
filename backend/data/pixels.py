"""Arrays of pictures in any usual layout as frames of 64x64: channels first or last, grey, stacks, bytes or numbers."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from backend.data.decode.picture import fitted
from backend.data.decode.sandbox import SIDE, Crop, Limits, check_size

MIN_SIDE = 8


class Layout(NamedTuple):
    """The layout of the pixels of one frame."""

    height: int
    width: int
    channels: int
    first: bool  # channels come before the height

    @property
    def stack(self) -> int:
        """The number of frames stacked in one, oldest first."""
        return self.channels // 3 if self.channels % 3 == 0 else 1


def layout_of(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Layout | None:
    """The layout of frames (T, ...); None where such an array is no picture."""
    if dtype != np.uint8 and dtype.kind != "f":
        return None
    if len(shape) == 3:
        shape = (*shape, 1)
    if len(shape) != 4:
        return None
    _, *sides = shape
    for first, (height, width, channels) in ((False, sides), (True, (sides[1], sides[2], sides[0]))):
        if _fits(height, width, channels):
            return Layout(height, width, channels, first)
    return None


def frames_of(
    array: NDArray[Any], layout: Layout, crop: Crop, limits: Limits | None = None, brightest: float = 255.0
) -> NDArray[np.uint8]:
    """Frames (T, ...) of a layout as (T, 64, 64, 3), resized by area; of a stack the newest.

    `brightest` is the number that means white where pixels are not bytes. Raises ValueError, VideoError.
    """
    check_size(layout.width, layout.height, limits or Limits())
    array = array.reshape(len(array), *array.shape[1:], *((1,) if array.ndim == 3 else ()))
    if layout.first:
        array = array.transpose(0, 2, 3, 1)
    array = array[..., -3:] if layout.stack > 1 else array[..., :3]
    if array.dtype != np.uint8:
        array = _as_bytes(array, brightest)
    if array.shape[-1] == 1:
        array = np.repeat(array, 3, axis=-1)
    if array.shape[1:] == (SIDE, SIDE, 3):
        return np.ascontiguousarray(array)
    frames = np.empty((len(array), SIDE, SIDE, 3), np.uint8)
    for index, frame in enumerate(array):
        frames[index] = np.asarray(fitted(Image.fromarray(np.ascontiguousarray(frame)), crop))
    return frames


def brightest_of(array: NDArray[Any]) -> float:
    """The value of white in an array of pixels: 1 if no number is larger, else 255."""
    return 1.0 if array.dtype != np.uint8 and array.size and float(np.nanmax(array)) <= 1 else 255.0


def _fits(height: int, width: int, channels: int) -> bool:
    known = channels in (1, 3, 4) or (channels % 3 == 0 and channels <= 48)
    return known and min(height, width) >= MIN_SIDE and channels < min(height, width)


def _as_bytes(array: NDArray[Any], brightest: float) -> NDArray[np.uint8]:
    values = array.astype(np.float32) * (255 / brightest)
    if not np.isfinite(values).all() or values.min(initial=0) < -0.5 or values.max(initial=0) > 255.5:
        raise ValueError(f"its pixels are {array.dtype} outside of 0 to {brightest:g}")
    return np.round(values).clip(0, 255).astype(np.uint8)
