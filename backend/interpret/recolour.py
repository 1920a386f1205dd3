"""Changes of pictures that need no simulator: their hue, brightness, and where what they show is."""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor


class Change(NamedTuple):
    """A change of pictures (E, 64, 64, 3) in [0, 1] to a value, and the values that are tried."""

    values: tuple[float, ...]
    apply: Callable[[Tensor, float], Tensor]


def changed(image: Tensor, name: str) -> Tensor:
    """Pictures (E, 64, 64, 3) uint8 with a change of CHANGES at each of its values: (E, V, 64, 64, 3) uint8."""
    change = CHANGES[name]
    frames = [change.apply(image.float() / 255, value).clamp(0, 1) for value in change.values]
    return (255 * torch.stack(frames, 1)).round().to(torch.uint8)


def turned(image: Tensor, degrees: float) -> Tensor:
    """Every colour turned about the axis of greys."""
    angle = math.radians(degrees)
    along, across = math.cos(angle), math.sin(angle)
    same, other = (1 - along) / 3, across / math.sqrt(3)
    ahead, behind = same + other, same - other
    matrix = torch.tensor([[along + same, behind, ahead], [ahead, along + same, behind], [behind, ahead, along + same]])
    return image @ matrix.T


def moved(image: Tensor, pixels: float, axis: int) -> Tensor:
    """The picture moved along an axis; its edge is repeated."""
    size = image.shape[axis]
    return image.index_select(axis, (torch.arange(size) - int(pixels)).clamp(0, size - 1))


CHANGES: Mapping[str, Change] = {
    "hue": Change((0, 60, 120, 180, 240), turned),
    "brightness": Change((0.6, 0.8, 1.0, 1.2, 1.4), lambda image, factor: image * factor),
    "place_across": Change((-8, -4, 0, 4, 8), lambda image, pixels: moved(image, pixels, 2)),
    "place_down": Change((-8, -4, 0, 4, 8), lambda image, pixels: moved(image, pixels, 1)),
}
"""By name: degrees of the colour circle, times, pixels, pixels."""
