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
    """Episodes in a ring of uint8 frames that grows up to `capacity`; a batch is one gather, with no copy a sample."""

    def __init__(self, action_size: int, capacity: int = 1_000_000) -> None:
        self._capacity = capacity
        self._cursor = 0
        self._starts: list[int] = []
        self._lengths: list[int] = []
        self._image = np.zeros((0, 64, 64, 3), np.uint8)
        self._action = np.zeros((0, action_size), np.float32)
        self._reward = np.zeros(0, np.float32)
        self._discount = np.zeros(0, np.float32)

    def __len__(self) -> int:
        """Frames held."""
        return sum(self._lengths)

    @property
    def episodes(self) -> int:
        """Episodes held."""
        return len(self._lengths)

    def extend(self, episodes: Iterable[Episode]) -> None:
        """Adds episodes in order."""
        for episode in episodes:
            self.add(episode)

    def add(self, episode: Episode) -> None:
        """Adds one episode; where the ring is full the oldest episodes make room. ValueError if it never fits."""
        length = len(episode.image)
        if length > self._capacity:
            raise ValueError(f"an episode of {length} frames does not fit a replay of {self._capacity}")
        if self._cursor + length > self._capacity:
            self._cursor = 0
        self._make_room(length)
        place = slice(self._cursor, self._cursor + length)
        self._image[place] = episode.image
        self._action[place] = episode.action
        self._reward[place] = episode.reward
        self._discount[place] = episode.discount
        self._starts.append(self._cursor)
        self._lengths.append(length)
        self._cursor += length

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

    def _make_room(self, length: int) -> None:
        end = self._cursor + length
        kept = [
            (start, held)
            for start, held in zip(self._starts, self._lengths, strict=True)
            if start >= end or start + held <= self._cursor
        ]
        self._starts, self._lengths = [start for start, _ in kept], [held for _, held in kept]
        if end > len(self._image):
            self._grow(min(max(end, 2 * len(self._image), 4096), self._capacity))

    def _grow(self, frames: int) -> None:
        for name in ("_image", "_action", "_reward", "_discount"):
            old = getattr(self, name)
            new = np.zeros((frames, *old.shape[1:]), old.dtype)
            new[: len(old)] = old
            setattr(self, name, new)
