"""A data set of noise, for tests whose data do not matter."""

from pathlib import Path

import numpy as np

from backend.data.episodes import frames_only, read_dataset_info, write_dataset_info, write_episode


def write_noise(folder: Path, episodes: int = 6, frames: int = 12) -> None:
    """Write `episodes` episodes of `frames` frames, and dataset.json."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    for number in range(episodes):
        images = generator.integers(0, 255, (frames, 64, 64, 3), dtype=np.uint8)
        write_episode(folder / f"episode-{number:06d}.npz", frames_only(images))
    write_dataset_info(read_dataset_info(folder))
