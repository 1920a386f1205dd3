"""A flow as colours over pictures: the hue is its direction, the strength its length. Pixels can be hatched."""

import numpy as np
from numpy.typing import NDArray

from backend.interpret.view import Picture

DIMMED = 0.45  # of the grey picture under the colours
GREY = (0.299, 0.587, 0.114)  # weights of red, green and blue
STRIPES = 4  # pixels from one stripe of a hatching to the next
STRIPE = (255, 140, 0)


def overlaid(image: Picture, flow: NDArray[np.float32], scale: float) -> Picture:
    """Colours of a flow (T, H, W, 2) over pictures (T, H, W, 3): red to the right, then green, cyan, violet clockwise.

    `scale`: the length in pixels that has full colour.
    """
    share = np.clip(np.linalg.norm(flow, axis=-1, keepdims=True) / scale, 0, 1)
    under = DIMMED * (image @ np.array(GREY))[..., None]
    drawn = (1 - share) * under + share * 255 * hues(np.arctan2(flow[..., 1], flow[..., 0]))
    picture: Picture = np.round(drawn).astype(np.uint8)
    return picture


def hues(angle: NDArray[np.float32]) -> NDArray[np.float64]:
    """Pure colours (..., 3) in [0, 1] of angles (...), clockwise from the right: red at 0."""
    turn = np.mod(angle / (2 * np.pi), 1.0)[..., None] + np.array([0, 2, 1]) / 3
    colours: NDArray[np.float64] = np.clip(np.abs(6 * np.mod(turn, 1.0) - 3) - 1, 0, 1)
    return colours


def unsure(image: Picture, where: NDArray[np.bool_]) -> Picture:
    """Pictures (T, H, W, 3), hatched where (T, H, W)."""
    rows, columns = np.indices(where.shape[1:])
    stripes = where & ((rows + columns) % STRIPES < STRIPES // 2)
    return np.where(stripes[..., None], np.array(STRIPE, np.uint8), image)
