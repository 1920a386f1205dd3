"""From images to latents: the encoder's output for every frame of a clip or of many episodes."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt
import torch

from backend.interpret.encoded import INACTIVE_KL, EncodedFrames, Floats
from backend.interpret.fitting import fit_frames
from models.browsable import Browsable
from models.traversal import LatentStatistics
from models.types import normalise

__all__ = ["INACTIVE_KL", "EncodedFrames", "Frames", "encode_frames", "encode_images", "statistics_of"]

CHUNK = 256


class Frames(Protocol):
    """An episode, image (T, 64, 64, 3) and factors (T, F), or a clip of E of them, with an additional first axis."""

    @property
    def image(self) -> npt.NDArray[np.uint8]:
        """Frames as uint8."""

    @property
    def factors(self) -> npt.NDArray[Any]:
        """Factor values of the same frames."""

    @property
    def factor_names(self) -> tuple[str, ...]:
        """One name per factor."""


def encode_frames(model: Browsable, source: Frames | Iterable[Frames], *, guessed: bool = False) -> EncodedFrames:
    """Latents and factors of every frame of a clip or of episodes, read one at a time.

    Raises ValueError when there is no frame, or when episodes do not name the same factors.
    """
    means, logvars, factors, numbers = [], [], [], []
    names: tuple[str, ...] | None = None
    for number, (image, truth, names_here) in enumerate(_episodes(source)):
        if names is not None and names_here != names:
            raise ValueError(f"episode {number} has factors {names_here}, the ones before have {names}")
        names = names_here
        mean, logvar = encode_images(model, image)
        means.append(mean)
        logvars.append(logvar)
        factors.append(truth)
        numbers.append(np.full(len(image), number, np.int64))
    if names is None:
        raise ValueError("no frames to encode")
    return EncodedFrames(
        np.concatenate(means),
        np.concatenate(logvars),
        np.concatenate(factors).astype(np.float64),
        names,
        np.concatenate(numbers),
        guessed,
    )


@torch.no_grad()
def encode_images(model: Browsable, image: npt.NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """Latent mean and log variance of images, resized to what the model takes: (N, h, w, 3) uint8 -> (N, Z), (N, Z)."""
    device = next(model.parameters()).device
    means, logvars = [], []
    for start in range(0, len(image), CHUNK):
        fitted = fit_frames(image[start : start + CHUNK], model.image_size)
        latent = model.encode(normalise(torch.from_numpy(fitted).to(device)))
        means.append(latent.mean.cpu().numpy())
        logvars.append(latent.logvar.cpu().numpy())
    return np.concatenate(means), np.concatenate(logvars)


def statistics_of(encoded: EncodedFrames) -> LatentStatistics:
    """The aggregate posterior that traversals range over."""
    return LatentStatistics.of(encoded.mean, encoded.logvar)


def _episodes(
    source: Frames | Iterable[Frames],
) -> Iterator[tuple[npt.NDArray[np.uint8], npt.NDArray[Any], tuple[str, ...]]]:
    single = hasattr(source, "image")
    for frames in [cast(Frames, source)] if single else cast(Iterable[Frames], source):
        if frames.image.ndim == 4:
            yield frames.image, frames.factors, tuple(frames.factor_names)
            continue
        for image, factors in zip(frames.image, frames.factors, strict=True):
            yield image, factors, tuple(frames.factor_names)
