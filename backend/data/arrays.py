"""The arrays of a published `.npz` as rows of episodes; some arrays are optional, and episodes are told apart."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from backend.data.decode.sandbox import Crop
from backend.data.masks import MASKS, AgentMasks, read_masks
from backend.data.pixels import brightest_of, frames_of, layout_of
from backend.data.second_look import SECOND_LOOKS, SecondLooks, read_second_looks
from backend.data.states import joined_states

SIZE = 64
ROWS: dict[str, type] = {
    "action": np.float32,
    "reward": np.float32,
    "discount": np.float32,
    "is_first": np.bool_,
    "is_last": np.bool_,
    "is_terminal": np.bool_,
    "factors": np.float32,
}
_FIRST = ("is_first", "step_type")  # arrays that mark the first frame of an episode: true, or dm_env's 0
_LAST = ("is_last", "done", "dones", "terminated", "truncated", "terminals", "timeouts", "terminations", "truncations")
_NUMBERS = ("episode", "episode_id", "episode_index")  # each frame's episode
BORDERS = (*_FIRST, *_LAST, "is_terminal", "discount", *_NUMBERS)
PICTURES = ("image", "observation")  # the first that exists is used
KNOWN = frozenset((*PICTURES, "factor_names", *MASKS, *SECOND_LOOKS, *ROWS, *BORDERS))
_FILLED = {"action": 0.0, "reward": 0.0, "discount": 1.0}  # for a first row of NaN: nothing led to the first frame

Arrays = Mapping[str, NDArray[Any]]


class Rows(NamedTuple):
    """Arrays with one row per frame, for one or several consecutive episodes."""

    image: NDArray[np.uint8]  # (T, 64, 64, 3)
    rows: dict[str, NDArray[Any]]  # those of ROWS that are there
    factor_names: tuple[str, ...]
    masks: AgentMasks  # (T, 64, 64)
    second: SecondLooks
    starts: tuple[int, ...]  # the first frame of each episode; the first is 0
    notes: tuple[str, ...]


def rows_of(arrays: Arrays, crop: Crop = "centre", states: Sequence[str] = ()) -> Rows:
    """Check the arrays of a file and convert them to our layout. Raises ValueError.

    Pictures may be of any size and kind that `pixels` knows, and become 64x64 with `crop`. Rewards may be (T, 1) or
    float64; actions and rewards may lack the row of the first frame of the file, or hold NaN in that of any episode,
    which becomes 0 (1 for a discount). `states` are arrays that become the factors.
    """
    name = next((name for name in PICTURES if name in arrays), None)
    if name is None:
        raise ValueError(f"no array `image` in it, only {', '.join(sorted(arrays)) or 'nothing'}")
    notes: list[str] = []
    image = _image(name, arrays[name], crop, notes)
    length = len(image)
    starts = starts_of(arrays, length)
    rows = {name: _rows(name, arrays[name], length, starts, notes) for name in ROWS if name in arrays}
    for name, value in rows.items():
        rows[name] = value.reshape(length, -1) if name in ("action", "factors") else _scalars(name, value)
    names = _factor_names(arrays, rows["factors"].shape[1] if "factors" in rows else 0)
    if states:
        rows["factors"], names = joined_states(arrays, states, length)
    masks, second = read_masks(arrays, (length,)), read_second_looks(arrays, length)
    return Rows(image, rows, names, masks, second, starts, tuple(notes))


def starts_of(arrays: Arrays, length: int) -> tuple[int, ...]:
    """The first frame of each episode among T frames, as the arrays tell it. The first is 0.

    What marks first frames counts before what marks last frames, and either before a discount of 0.
    """
    after = [np.arange(length) == 0]
    first = [_marks(arrays, name, length) for name in _FIRST if name in arrays]
    last = [_marks(arrays, name, length) for name in (*_LAST, "is_terminal") if name in arrays]
    numbers = [np.diff(_flat(arrays[name], length), prepend=0) != 0 for name in _NUMBERS if name in arrays]
    if any(marks[1:].any() for marks in first):
        after += first
    elif any(marks[:-1].any() for marks in last):
        after += [np.r_[False, marks[:-1]] for marks in last]
    elif numbers:
        after += numbers
    elif "discount" in arrays and not last:
        ended = np.r_[False, _flat(arrays["discount"], length)[:-1] == 0]
        after += [ended] if ended.sum() <= length // 2 else []  # more of them say something else
    return tuple(int(frame) for frame in np.flatnonzero(np.any(after, axis=0)))


def _marks(arrays: Arrays, name: str, length: int) -> NDArray[np.bool_]:
    values = _flat(arrays[name], length)
    return values == 0 if name == "step_type" else values.astype(bool)


def _flat(array: NDArray[Any], length: int) -> NDArray[Any]:
    """(T,) of an array of one value per frame, or per step between frames; zeros for any other."""
    flat = array.reshape(-1)
    if flat.dtype.kind not in "fiub" or len(flat) not in (length, length - 1):
        return np.zeros(length)
    return flat if len(flat) == length else np.r_[np.zeros(1, flat.dtype), flat]


def _image(name: str, image: NDArray[Any], crop: Crop, notes: list[str]) -> NDArray[np.uint8]:
    layout = layout_of(image.shape, image.dtype) if image.ndim == 4 else None
    if layout is None:
        raise ValueError(f"`{name}` is {image.dtype} {image.shape}, expected uint8 (T, {SIZE}, {SIZE}, 3)")
    if len(image) == 0:
        raise ValueError(f"`{name}` has no frames")
    if (layout.height, layout.width) != (SIZE, SIZE):
        notes.append(f"resized from {layout.width} x {layout.height} pixels")
    if layout.stack > 1:
        notes.append(f"the newest of {layout.stack} stacked frames was taken")
    return frames_of(image, layout, crop, brightest=brightest_of(image))


def _rows(name: str, array: NDArray[Any], length: int, starts: Sequence[int], notes: list[str]) -> NDArray[Any]:
    """One row per frame, (T, ...); a missing first row is filled with zeros (ones for discounts)."""
    if array.ndim == 0 or len(array) not in (length, length - 1) or array.dtype.kind not in "fiub":
        raise ValueError(f"`{name}` is {array.dtype} {array.shape} for {length} frames")
    if len(array) == length - 1:
        first = np.full((1, *array.shape[1:]), 1 if name in ("discount", "is_first") else 0, array.dtype)
        array = np.concatenate([first, array])
    if array.dtype.kind == "f":
        array = _without_nan(name, array, starts, notes)
    return array.astype(ROWS[name])


def _without_nan(name: str, array: NDArray[Any], starts: Sequence[int], notes: list[str]) -> NDArray[Any]:
    """Rows of NaN at the first frame of an episode filled; any other NaN or infinity is an error."""
    bad = ~np.isfinite(array).reshape(len(array), -1).all(1)
    if not bad.any():
        return array
    begins = np.isin(np.arange(len(array)), starts) & np.isnan(array).reshape(len(array), -1).all(1)
    beyond = np.flatnonzero(bad & ~begins)
    if len(beyond) or name not in _FILLED:
        frame = beyond[0] if len(beyond) else np.flatnonzero(bad)[0]
        raise ValueError(f"`{name}` holds NaN or infinity at frame {frame}")
    notes.append(f"`{name}` has no value at the first frame, which counts as {_FILLED[name]:g}")
    filled = array.copy()
    filled[begins] = _FILLED[name]
    return filled


def _scalars(name: str, array: NDArray[Any]) -> NDArray[Any]:
    if array.size != len(array):
        raise ValueError(f"`{name}` has the shape {array.shape}, expected one number per frame")
    return array.reshape(len(array))


def _factor_names(arrays: Arrays, width: int) -> tuple[str, ...]:
    names = tuple(str(name) for name in arrays.get("factor_names", np.zeros(0)))
    if not names:
        names = tuple(f"factor {index}" for index in range(width))
    if len(names) != width:
        raise ValueError(f"{len(names)} factor names for {width} factors")
    return names
