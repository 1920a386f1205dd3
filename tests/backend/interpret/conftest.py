"""Synthetic latents with known factors, and small loaded checkpoints."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from backend.data.checkpoint import Checkpoint, load_checkpoint, read_info
from backend.interpret.encoded import EncodedFrames

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
def video_checkpoint(tiny_checkpoint_home: Path) -> Checkpoint:
    """The shared tiny video model; dimensions 1 and 4 carry no information, 3 carries most."""
    return _loaded(tiny_checkpoint_home, "tiny-video")


@pytest.fixture
def world_checkpoint(tiny_checkpoint_home: Path) -> Checkpoint:
    """The shared tiny world model with its actor and critic."""
    return _loaded(tiny_checkpoint_home, "tiny-world")


@pytest.fixture
def own_checkpoint(video_checkpoint: Checkpoint, tmp_path: Path) -> Checkpoint:
    """The tiny video model in a folder of its own, which may be written to."""
    folder = shutil.copytree(video_checkpoint.info.folder, tmp_path / "own")
    return replace(video_checkpoint, info=replace(video_checkpoint.info, folder=folder))


def _loaded(home: Path, name: str) -> Checkpoint:
    checkpoint = load_checkpoint(read_info(home / "checkpoints" / name, name, "import"))
    kl = np.array([0.5, 0.01, 1.0, 2.0, 0.0, 0.2])
    checkpoint.statistics = replace(checkpoint.statistics, kl=kl)
    return checkpoint
