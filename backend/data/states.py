"""States in a published `.npz`: additional arrays with some numbers for each frame become its factors."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.data.archive import Header

MOST_NUMBERS = 512  # a frame
_NO_STATES = frozenset("actions rewards step steps timestep timesteps index indices id seed mask masks value".split())
_NO_BEGINNINGS = ("log_", "next_")


def state_names(headers: Mapping[str, Header], known: Collection[str], length: int) -> tuple[str, ...]:
    """The arrays with states of all frames; no more of them than make 512 numbers per frame."""
    names, width = [], 0
    for name, (shape, dtype) in headers.items():
        if name in known or name in _NO_STATES or name.startswith(_NO_BEGINNINGS):
            continue
        numbers = shape[1] if len(shape) == 2 else 1
        fits = len(shape) in (1, 2) and shape[0] == length and dtype.kind in "fiub" and numbers > 0
        if fits and width + numbers <= MOST_NUMBERS:
            names.append(name)
            width += numbers
    return tuple(names)


def joined_states(
    arrays: Mapping[str, NDArray[Any]], names: Sequence[str], length: int
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """States as factors (T, F) and their names, `physics 0`, `physics 1`; those with NaN or infinity are left out."""
    columns, called = [np.zeros((length, 0), np.float32)], []
    for name in names:
        values = arrays[name].reshape(length, -1).astype(np.float32)
        if not np.isfinite(values).all():
            continue
        columns.append(values)
        width = values.shape[1]
        called += [name] if width == 1 else [f"{name} {index}" for index in range(width)]
    return np.concatenate(columns, 1), tuple(called)
