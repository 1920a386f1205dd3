"""Sizes of foreign networks, read from tensors and options; errors are one sentence."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from models.adapters.adapter import LayoutError

MOST = 65_536  # limit for any size of a layer


def shape_of(tensors: Mapping[str, Tensor], key: str, axes: int) -> tuple[int, ...]:
    """The shape of a tensor with the given number of axes. Raises LayoutError."""
    if key not in tensors:
        raise LayoutError(f"the file holds no {key}")
    shape = tuple(tensors[key].shape)
    if len(shape) != axes or 0 in shape:
        raise LayoutError(f"{key} has the shape {shape}; {axes} axes are needed")
    return shape


def checked_sizes(options: Mapping[str, Any], names: tuple[str, ...], least: int = 1) -> tuple[int, ...]:
    """Whole numbers from the options. Raises LayoutError."""
    found = [options.get(name) for name in names]
    for name, value in zip(names, found, strict=True):
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MOST:
            raise LayoutError(f"{name} must be a whole number from {least} to {MOST}, got {value!r:.40}")
    return tuple(value for value in found if isinstance(value, int))


def is_size(value: object) -> bool:
    """Whether a plain value can be the size of a layer."""
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST
