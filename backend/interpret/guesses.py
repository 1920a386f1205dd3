"""Image statistics instead of factors, for videos without ground truth; names derived from them are guesses."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from backend.interpret.encoded import Floats

GUESSED_FACTORS = (
    "hue_sin",
    "hue_cos",
    "saturation",
    "brightness",
    "contrast",
    "motion",
    "motion_x",
    "motion_y",
    "foreground_x",
    "foreground_y",
)


class GuessedEpisode(NamedTuple):
    """An episode whose factors are image statistics."""

    image: npt.NDArray[np.uint8]
    factors: npt.NDArray[np.float32]
    factor_names: tuple[str, ...] = GUESSED_FACTORS


def with_guesses(images: Iterable[npt.NDArray[np.uint8]]) -> Iterator[GuessedEpisode]:
    """Episodes (T, H, W, 3) with guessed factors, one at a time."""
    for image in images:
        yield GuessedEpisode(image, guess_factors(image))


def guess_factors(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Statistics of the frames of one episode: (T, H, W, 3) -> (T, 10), in the order of GUESSED_FACTORS.

    Hue is the mean direction of the colours, as sine and cosine; motion the mean change from the previous frame; its
    place, and that of what differs from the episode's mean picture, are centres of mass from -1 (left, top) to 1.
    """
    pixels = image.astype(np.float32) / np.float32(255)
    brightness = pixels.mean(axis=3)
    moved = np.abs(np.diff(pixels, axis=0, prepend=pixels[:1])).mean(axis=3)
    foreground = np.abs(pixels - pixels.mean(axis=0)).mean(axis=3)
    sine, cosine, saturation = _colour(pixels)
    columns = [
        sine,
        cosine,
        saturation,
        brightness.mean(axis=(1, 2)),
        brightness.std(axis=(1, 2)),
        moved.mean(axis=(1, 2)),
        *_centre(moved),
        *_centre(foreground),
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def _colour(pixels: npt.NDArray[np.float32]) -> tuple[Floats, Floats, Floats]:
    """Sine and cosine of the mean hue, and the mean saturation: (T,) each."""
    red, green, blue = np.moveaxis(pixels, 3, 0)
    across = (red - (green + blue) / 2).mean(axis=(1, 2))
    along = (np.sqrt(3) / 2 * (green - blue)).mean(axis=(1, 2))
    length = np.maximum(np.hypot(across, along), 1e-6)
    saturation = (pixels.max(axis=3) - pixels.min(axis=3)).mean(axis=(1, 2))
    return along / length, across / length, saturation


def _centre(weight: npt.NDArray[np.float32]) -> tuple[Floats, Floats]:
    """Centre of mass of each frame, x then y; the middle if there is no mass: (T, H, W) -> (T,), (T,)."""
    frames, height, width = weight.shape
    total = weight.sum(axis=(1, 2))
    safe = np.where(total > 1e-6, total, 1)
    x = (weight.sum(axis=1) * np.linspace(-1, 1, width)).sum(axis=1) / safe
    y = (weight.sum(axis=2) * np.linspace(-1, 1, height)).sum(axis=1) / safe
    assert x.shape == (frames,)
    return x, y
