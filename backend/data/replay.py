"""Replay: whole episodes in memory as uint8, sampled as batches of sequences that stay inside one episode."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from backend.data.episodes import Episode
from models.types import Batch


class TooShort(Exception):
    """No episode is long enough for a sequence of the asked length."""


class Replay:
    """Episodes one after the other in growing arrays; a batch is one gather, with no copy a sample."""

    def __init__(self, action_size: int, capacity: int = 1_000_000) -> None:
        self._capacity = capacity
        self._starts: list[int] = []
        self._lengths: list[int] = []
        self._frames = 0
        self._image = np.zeros((0, 64, 64, 3), np.uint8)
        self._action = np.zeros((0, action_size), np.float32)
        self._reward = np.zeros(0, np.float32)
        self._discount = np.zeros(0, np.float32)

    def __len__(self) -> int:
        """Frames held."""
        return self._frames

    @property
    def episodes(self) -> int:
        """Episodes held."""
        return len(self._lengths)

    def extend(self, episodes: Iterable[Episode]) -> None:
        """Adds episodes in order."""
        for episode in episodes:
            self.add(episode)

    def add(self, episode: Episode) -> None:
        """Adds one episode; the oldest ones stay until `capacity` frames are held, then it refuses."""
        length = len(episode.image)
        if self._frames + length > self._capacity:
            raise MemoryError(
                f"replay holds {self._frames} frames of at most {self._capacity}; {length} more do not fit"
            )
        self._reserve(self._frames + length)
        place = slice(self._frames, self._frames + length)
        self._image[place] = episode.image
        self._action[place] = episode.action
        self._reward[place] = episode.reward
        self._discount[place] = episode.discount
        self._starts.append(self._frames)
        self._lengths.append(length)
        self._frames += length

    def sample(self, batch: int, length: int, rng: np.random.Generator) -> Batch:
        """A batch (B, T) of sequences drawn evenly over all places where one fits.

        Every sequence begins as if its first frame were the first of its episode, with a zero state.
        Raises TooShort when no episode has `length` frames.
        """
        places = np.maximum(np.asarray(self._lengths) - length + 1, 0)
        if not places.sum():
            longest = max(self._lengths, default=0)
            raise TooShort(f"a sequence of {length} frames was asked for, the longest episode has {longest}")
        edges = places.cumsum()
        drawn = rng.integers(edges[-1], size=batch)
        episode = np.searchsorted(edges, drawn, side="right")
        first = np.asarray(self._starts)[episode] + drawn - (edges - places)[episode]
        index = first[:, None] + np.arange(length)
        is_first = np.zeros((batch, length), bool)
        is_first[:, 0] = True
        arrays: tuple[np.ndarray[Any, Any], ...] = (
            self._image[index],
            self._action[index],
            self._reward[index],
            self._discount[index],
            is_first,
        )
        return Batch(*(torch.from_numpy(array) for array in arrays))

    def _reserve(self, frames: int) -> None:
        held = len(self._image)
        if frames <= held:
            return
        grown = min(max(frames, 2 * held, 4096), self._capacity)
        for name in ("_image", "_action", "_reward", "_discount"):
            old = getattr(self, name)
            new = np.zeros((grown, *old.shape[1:]), old.dtype)
            new[: self._frames] = old[: self._frames]
            setattr(self, name, new)
