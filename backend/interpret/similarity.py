"""How close pictures are to the truth, and the baselines of a rollout: the last frame repeated, the mean image."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from backend.data.clip import Clip
from backend.interpret.encoded import Floats

Picture = npt.NDArray[np.uint8]

REPEAT, MEAN = "repeat last frame", "mean image"


def psnr(truth: Picture, picture: Picture) -> float:
    """Peak signal to noise in dB, 100 at most."""
    squared = float(np.mean((truth.astype(np.float64) - picture) ** 2))
    return min(100.0, float(10 * np.log10(255**2 / squared))) if squared > 0 else 100.0


def ssim(truth: Picture, picture: Picture) -> float:
    """Wang et al. 2004 with a uniform window of 7 pixels, the mean over pixels and colours."""
    from scipy import ndimage  # slow to import, so only when needed

    first, second = (image.astype(np.float64) / 255 for image in (truth, picture))

    def window(values: npt.NDArray[np.float64]) -> Floats:
        return np.asarray(ndimage.uniform_filter(values, size=(7, 7, 1)))  # type: ignore[attr-defined]  # not re-exported

    mean_first, mean_second = window(first), window(second)
    variance_first = window(first**2) - mean_first**2
    variance_second = window(second**2) - mean_second**2
    covariance = window(first * second) - mean_first * mean_second
    light = (2 * mean_first * mean_second + 1e-4) / (mean_first**2 + mean_second**2 + 1e-4)
    shape = (2 * covariance + 9e-4) / (variance_first + variance_second + 9e-4)
    return float((light * shape).mean())


MEASURES = {"psnr": psnr, "ssim": ssim}


def measured(name: str, truth: Picture, pictures: Picture, steps: Sequence[int], length: int) -> list[float | None]:
    """One of MEASURES at some steps of (S, 64, 64, 3) pictures, None at all others: `length` values."""
    values: list[float | None] = [None] * length
    for step in steps:
        values[step] = MEASURES[name](truth[step], pictures[step])
    return values


def baselines(clip: Clip, episode: int, context: int, steps: int) -> Mapping[str, Picture]:
    """Pictures (S, 64, 64, 3) that need no model: the last observed frame again, and the mean over other episodes.

    If the clip has only one episode, the mean is that of the observed frames.
    """
    seen = clip.image[episode, :context]
    others = np.delete(clip.image, episode, axis=0) if len(clip.image) > 1 else seen[None]
    mean = others.mean(axis=(0, 1)).round().astype(np.uint8)
    return {REPEAT: np.broadcast_to(seen[-1], (steps, *mean.shape)), MEAN: np.broadcast_to(mean, (steps, *mean.shape))}
