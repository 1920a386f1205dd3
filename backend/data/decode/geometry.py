"""Where the pixels of a film's frame go: square pixels, turned and mirrored upright, the square that is kept."""

import struct
from collections.abc import Iterable
from fractions import Fraction
from typing import cast

import numpy as np
from av.sidedata.sidedata import SideData, Type
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from backend.data.decode.sandbox import SIDE, Crop, Decoded

_ASPECTS = (Fraction(1, 8), Fraction(8))  # pixel shapes outside are a mistake in the file


class Upright:
    """The turn and flip of a display matrix: `image' = flip(rot90(image, turns))`."""

    def __init__(self, turns: int, flipped: bool) -> None:
        """`turns` are quarter turns anticlockwise; then the picture is mirrored left to right if `flipped`."""
        self.turns, self.flipped = turns, flipped

    @property
    def lying(self) -> bool:
        """Whether width and height are exchanged."""
        return self.turns % 2 == 1

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(H, W, 3) as it is shown."""
        turned = np.rot90(image, self.turns)
        return turned[:, ::-1] if self.flipped else turned


def upright_of(frame: VideoFrame, found: Decoded) -> Upright:
    """How a frame is turned for display; the nearest quarter turn, with a warning if that is not exact."""
    sides = cast(Iterable[SideData], frame.side_data)  # typed as a mapping, iterates over values
    matrix = next((side for side in sides if side.type == Type.DISPLAYMATRIX), None)
    if matrix is None:
        return Upright(0, False)
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(matrix)[:36])  # x' = a x + c y, y' = b x + d y (y downwards)
    scale = max(abs(a), abs(b), abs(c), abs(d), 1)
    near = np.array([[a, c], [b, d]]) / scale
    flipped = bool(np.linalg.det(near) < 0)
    if flipped:
        near = np.diag([-1.0, 1.0]) @ near  # the rotation that is left when the mirror is taken off
    degrees = np.degrees(np.arctan2(near[1, 0], near[0, 0]))  # clockwise, as y runs downwards
    turns = -round(degrees / 90) % 4
    if abs((degrees + 90 * turns + 45) % 360 - 45) > 1:
        found.warn(f"turned by {90 * round(degrees / 90):.0f} degrees, the nearest quarter turn to {degrees:.0f}")
    elif turns or flipped:
        words = [f"turned by {-90 * turns % 360} degrees clockwise"] * bool(turns) + ["mirrored"] * flipped
        found.note(" and ".join(words) + ", as the film says")
    return Upright(turns, flipped)


def aspect_of(shape: Fraction | None, found: Decoded) -> Fraction:
    """Width of a pixel divided by its height."""
    if not shape or shape == 1:
        return Fraction(1)
    if not _ASPECTS[0] <= shape <= _ASPECTS[1]:
        found.warn(f"its pixels are said to be {float(shape):.3g} times as wide as high, which was ignored")
        return Fraction(1)
    found.note(f"widened by {float(shape):.3g}: its pixels are not square")
    return shape


def scaled_size(width: float, height: float, crop: Crop) -> tuple[int, int]:
    """The size to which a picture of square pixels is scaled before it is cut or padded to 64x64."""
    if crop == "stretch":
        return SIDE, SIDE
    scale = SIDE / (max(width, height) if crop == "whole" else min(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def squared(image: NDArray[np.uint8], crop: Crop) -> NDArray[np.uint8]:
    """Cut or pad a scaled picture (H, W, 3) to (64, 64, 3)."""
    height, width = image.shape[:2]
    share = {"start": 0.0, "end": 1.0}.get(crop, 0.5)
    top, left = int(max(0, height - SIDE) * share), int(max(0, width - SIDE) * share)
    cut = image[top : top + SIDE, left : left + SIDE]
    square = np.zeros((SIDE, SIDE, 3), np.uint8)
    below, beside = (SIDE - cut.shape[0]) // 2, (SIDE - cut.shape[1]) // 2
    square[below : below + cut.shape[0], beside : beside + cut.shape[1]] = cut
    return square
