"""Depth as a picture: how near each pixel is, from 0 for the farthest to 255 for the nearest."""

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

LEAST_SPAN = 1e-6  # of inverse depths, 1/m


class Nearness(NamedTuple):
    """The scale of a scene: the inverse depths, in 1/m, that become 0 and 255. What lies beyond is clipped.

    Inverse, because a sky or a floor that reaches the horizon would leave no grey levels for what moves.
    """

    farthest: float
    nearest: float

    @classmethod
    def of(cls, depth: NDArray[np.float32]) -> Self:
        """The scale that a depth (64, 64) in metres fills."""
        inverse = 1 / depth.astype(np.float64)
        return cls(float(inverse.min()), float(inverse.max()))

    def __call__(self, depth: NDArray[np.float32]) -> NDArray[np.uint8]:
        """The nearness of a depth (64, 64) in metres: (64, 64)."""
        span = max(self.nearest - self.farthest, LEAST_SPAN)
        share = (1 / depth.astype(np.float64) - self.farthest) / span
        return np.round(255 * np.clip(share, 0, 1)).astype(np.uint8)
