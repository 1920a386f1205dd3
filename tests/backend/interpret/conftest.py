"""Made-up latents of which the truth is known, and a small untrained model."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import torch

from backend.interpret.encoded import EncodedFrames
from models.config import VideoModelConfig
from models.video_model import VideoModel

Array = npt.NDArray[np.float64]
EPISODES, LENGTH = 20, 100


@pytest.fixture
def walks() -> Callable[[int, int], Array]:
    """`walks(seed, count)`: independent smooth series over 20 episodes of 100 frames, (2000, count)."""

    def make(seed: int, count: int) -> Array:
        generator = np.random.default_rng(seed)
        steps = generator.normal(size=(EPISODES, LENGTH, count)) * 0.3
        steps[:, 0] = generator.normal(size=(EPISODES, count)) * 2
        series = np.cumsum(steps, axis=1).reshape(-1, count)
        return np.asarray((series - series.mean(0)) / series.std(0))

    return make


@pytest.fixture
def encoded() -> Callable[..., EncodedFrames]:
    """`encoded(latent, factors, names)`: frames of 20 episodes; a latent of no spread gets the prior's KL."""

    def make(latent: Array, factors: Array, names: tuple[str, ...] | None = None) -> EncodedFrames:
        names = names or tuple(f"factor{index}" for index in range(factors.shape[1]))
        logvar = np.tile(np.where(latent.std(0) > 0.3, -3.0, 0.0), (len(latent), 1))
        episode = np.repeat(np.arange(EPISODES), len(latent) // EPISODES)
        return EncodedFrames(latent, logvar, factors, names, episode)

    return make


@pytest.fixture
def tiny_model() -> VideoModel:
    """An untrained video model with four latents."""
    torch.manual_seed(0)
    config = VideoModelConfig(latents=4, stoch=6, deter=8, hidden=8, kernels=(4, 4, 8, 8, 16))
    return VideoModel(config).eval()
