"""Where the agent is in pictures, kept as bits: a thirtieth of what the pictures take before both are compressed."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE = 64
BYTES = SIDE // 8  # of a row of pixels

Masks = NDArray[np.bool_]


def pack_masks(masks: Masks) -> NDArray[np.uint8]:
    """Masks (..., 64, 64) as bits: (..., 64, 8) uint8."""
    if masks.dtype != np.bool_ or masks.shape[-2:] != (SIDE, SIDE):
        raise ValueError(f"`agent` is {masks.dtype} {masks.shape}, expected bool (..., {SIDE}, {SIDE})")
    return np.packbits(masks, axis=-1)


def unpack_masks(packed: NDArray[Any], frames: tuple[int, ...]) -> Masks:
    """What `pack_masks` packed, or plain masks, of so many frames: (*frames, 64, 64) bool. Raises ValueError."""
    if packed.dtype == np.uint8 and packed.shape == (*frames, SIDE, BYTES):
        return np.unpackbits(packed, axis=-1).astype(np.bool_)
    if packed.dtype == np.bool_ and packed.shape == (*frames, SIDE, SIDE):
        return packed
    needed = f"uint8 {(*frames, SIDE, BYTES)} or bool {(*frames, SIDE, SIDE)}"
    raise ValueError(f"`agent` is {packed.dtype} {packed.shape}, expected {needed}")
