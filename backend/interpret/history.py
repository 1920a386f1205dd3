"""Statistics of latents that depend on the history: along whole episodes, frame by frame."""

from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from backend.data.clip import Clip
from models.adapters.adapted import Adapted, read_latents
from models.traversal import LatentStatistics
from models.types import Categorical, normalise

LEAST = 1e-8

Doubles = npt.NDArray[np.float64]


@torch.no_grad()
def statistics_along(model: Adapted, clip: Clip) -> LatentStatistics:
    """The latents over every frame of a clip, each after the frames before it.

    There is no fixed prior to compare with, so `kl` is what a frame tells about a latent: the mean KL of its belief to
    the mixture of all frames, which for Gaussians is taken to be one of their mean and variance.
    """
    latents, spreads, told = [], [], []
    for image, action in zip(clip.image, clip.action, strict=True):
        seen = model.encode(normalise(torch.from_numpy(image))).mean
        states = model.observe(seen[None], torch.from_numpy(action)[None]).states
        belief = model.rssm.posterior(states.deter[0], seen)
        latents.append(read_latents(belief).double().numpy())
        if isinstance(belief, Categorical):
            told.append(belief.logits.double().softmax(-1).numpy())
        else:
            spreads.append(belief.std.double().numpy())
    mean = np.concatenate(latents)
    if told:
        kl = _kl_of_classes(np.concatenate(told))
        return _statistics(mean, mean.std(0), kl, "nearest")
    variance = np.concatenate(spreads) ** 2
    whole = mean.var(0) + variance.mean(0)
    kl = 0.5 * (np.log(whole / variance) + (variance + (mean - mean.mean(0)) ** 2) / whole - 1).mean(0)
    return _statistics(mean, np.sqrt(whole), kl, "linear")


def _kl_of_classes(chances: Doubles) -> Doubles:
    """Mean KL of each frame's probabilities (N, Z, K) to those of all frames: (Z,), nats."""
    ratio = np.log((chances + LEAST) / (chances.mean(0) + LEAST))
    found = (chances * ratio).sum(-1).mean(0)
    return np.asarray(found)


def _statistics(mean: Doubles, std: Doubles, kl: Doubles, method: Literal["nearest", "linear"]) -> LatentStatistics:
    quantiles = np.quantile(mean, np.linspace(0, 1, 101), axis=0, method=method)
    return LatentStatistics(mean.mean(0), std, mean.min(0), mean.max(0), np.maximum(kl, 0), quantiles)
