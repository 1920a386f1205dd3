"""Whole episodes as uint8 frames, sampled as batches of sequences that stay inside one episode; the replay."""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from backend.data.episode import Episode
from models.motion import moving_pixels
from models.types import Batch

Targets = Callable[[Tensor], Tensor]
Advise = Callable[[Sequence[str], NDArray[np.float32]], NDArray[np.float32]]


class TooShort(Exception):
    """No episode is long enough for a sequence of the asked length."""


class Sequences:
    """Frames of whole episodes, one after the other; a batch is one gather, without copies.

    A kind of it sets the arrays: N frames each, where an array that is not kept has rows of no entries.
    """

    _image: Tensor  # (N, 64, 64, 3) uint8
    _action: Tensor  # (N, A)
    _reward: Tensor  # (N,)
    _discount: Tensor  # (N,)
    _target: Tensor  # (N, K)
    _moving: Tensor  # (N, 512) uint8, one bit per pixel, or (N, 0)
    _advice: Tensor  # (N, A) or (N, 0)
    _recoloured: Tensor | None = None  # (N, 64, 64, 3) uint8
    _nearness: Tensor | None = None  # (N, 64, 64) uint8

    def __init__(self, device: str) -> None:
        """`device` stores the frames and gathers the batches; see `replay_device`."""
        self._device = device
        self._starts: list[int] = []  # the first frame of each episode
        self._lengths: list[int] = []
        self._bits = 2 ** torch.arange(8, dtype=torch.uint8, device=device)

    def __len__(self) -> int:
        """The number of frames."""
        return sum(self._lengths)

    @property
    def episodes(self) -> int:
        """The number of episodes."""
        return len(self._lengths)

    def sample(self, batch: int, length: int, rng: np.random.Generator, rows: slice = slice(None)) -> Batch:
        """A batch (B, T) of sequences drawn evenly over all places where one fits, or some rows of it.

        Every sequence begins as if its first frame were the first of its episode, with a zero state.
        Raises TooShort when no episode has `length` frames.
        """
        places = np.maximum(np.asarray(self._lengths) - length + 1, 0)
        if not places.sum():
            longest = max(self._lengths, default=0)
            raise TooShort(f"a sequence of {length} frames was asked for, the longest episode has {longest}")
        edges = places.cumsum()
        drawn = rng.integers(edges[-1], size=batch)[rows]
        batch = len(drawn)
        episode = np.searchsorted(edges, drawn, side="right")
        first = np.asarray(self._starts)[episode] + drawn - (edges - places)[episode]
        index = torch.from_numpy((first[:, None] + np.arange(length)).reshape(-1)).to(self._device, non_blocking=True)
        is_first = torch.zeros(batch, length, dtype=torch.bool, device=self._device)
        is_first[:, 0] = True
        arrays = (self._image, self._action, self._reward, self._discount, self._target, self._moving, self._advice)
        image, action, reward, discount, target, packed, advice = (
            array.index_select(0, index).reshape(batch, length, *array.shape[1:]) for array in arrays
        )
        moving = (
            (packed.unsqueeze(-1) & self._bits)
            .bool()
            .view(batch, length, *(image.shape[2:4] if packed.shape[2] else (0,)))
        )
        looks = (look for look in (self._recoloured, self._nearness) if look is not None)
        second = (look.index_select(0, index).reshape(batch, length, *look.shape[1:]) for look in looks)
        return Batch(image, action, reward, discount, is_first, target, moving, advice, *second)


class Replay(Sequences):
    """Episodes in a ring of uint8 frames in memory, which grows up to `capacity`."""

    def __init__(
        self,
        action_size: int,
        capacity: int = 1_000_000,
        device: str = "cpu",
        targets: Targets | None = None,
        motion: bool = False,
        advise: Advise | None = None,
        second_look: bool = False,
    ) -> None:
        """An empty replay on a device.

        `targets` gives (T, K) for images (T, H, W, C) uint8, once for each episode: what a frozen teacher makes of it.
        `motion` keeps which pixels move within an episode, one bit each. `advise` gives what an expert would do at
        every frame, from names and values of its factors; an agent's further entries of an action are 0. With
        `second_look` the episodes' pictures in other colours and their depth are kept as well.
        """
        super().__init__(device)
        self._capacity, self._targets, self._motion, self._advise = capacity, targets, motion, advise
        self._cursor = 0
        self._image = torch.zeros((0, 64, 64, 3), dtype=torch.uint8, device=device)
        self._action = torch.zeros((0, action_size), device=device)
        self._reward = torch.zeros(0, device=device)
        self._discount = torch.zeros(0, device=device)
        self._target = torch.zeros((0, 0), device=device)
        self._moving = torch.zeros((0, 64 * 64 // 8 if motion else 0), dtype=torch.uint8, device=device)
        self._advice = torch.zeros((0, action_size if advise else 0), device=device)
        if second_look:
            self._recoloured = torch.zeros((0, 64, 64, 3), dtype=torch.uint8, device=device)
            self._nearness = torch.zeros((0, 64, 64), dtype=torch.uint8, device=device)

    def extend(self, episodes: Iterable[Episode]) -> None:
        """Adds episodes in order."""
        for episode in episodes:
            self.add(episode)

    def add(self, episode: Episode) -> None:
        """Adds one episode; where the ring is full the oldest episodes make room. ValueError if it never fits.

        One in which `is_first` is set again counts as several, and no sequence is drawn across their borders.
        """
        starts = np.flatnonzero(episode.is_first[1:]) + 1
        for begin, end in pairwise((0, *starts.tolist(), len(episode.image))):
            self._add(episode, begin, end)

    def _add(self, episode: Episode, begin: int, end: int) -> None:
        length = end - begin
        if length > self._capacity:
            raise ValueError(f"an episode of {length} frames does not fit a replay of {self._capacity}")
        if self._cursor + length > self._capacity:
            self._cursor = 0
        self._make_room(length)
        place = slice(self._cursor, self._cursor + length)
        self._image[place] = torch.from_numpy(episode.image[begin:end])
        self._action[place] = torch.from_numpy(episode.action[begin:end])
        self._reward[place] = torch.from_numpy(episode.reward[begin:end])
        self._discount[place] = torch.from_numpy(episode.discount[begin:end])
        if self._motion:
            moved = moving_pixels(self._image[place]).view(length, -1, 8)
            self._moving[place] = (moved * self._bits).sum(-1, dtype=torch.uint8)
        if self._advise is not None:
            advice = torch.from_numpy(self._advise(episode.factor_names, episode.factors[begin:end]))
            self._advice[place, : advice.shape[1]] = advice.to(self._device)
        if self._recoloured is not None and self._nearness is not None:
            if episode.recoloured is None or episode.nearness is None:
                raise ValueError("an episode without pictures in other colours and depth is of no use here")
            self._recoloured[place] = torch.from_numpy(episode.recoloured[begin:end])
            self._nearness[place] = torch.from_numpy(episode.nearness[begin:end])
        if self._targets is not None:
            target = self._targets(self._image[place])
            if not self._target.shape[1]:
                self._target = _room(self._target.new_zeros(0, target.shape[1]), len(self._image))
            self._target[place] = target
        self._starts.append(self._cursor)
        self._lengths.append(length)
        self._cursor += length

    def _make_room(self, length: int) -> None:
        end = self._cursor + length
        episodes = [
            (start, held)
            for start, held in zip(self._starts, self._lengths, strict=True)
            if start >= end or start + held <= self._cursor
        ]
        self._starts, self._lengths = [start for start, _ in episodes], [held for _, held in episodes]
        if end > len(self._image):
            self._grow(min(max(end, 2 * len(self._image), 4096), self._capacity))

    def _grow(self, frames: int) -> None:
        second = () if self._recoloured is None else ("_recoloured", "_nearness")
        for name in ("_image", "_action", "_reward", "_discount", "_target", "_moving", "_advice", *second):
            old: Tensor = getattr(self, name)
            new = _room(old, frames)
            new[: len(old)] = old
            setattr(self, name, new)


def _room(like: Tensor, frames: int) -> Tensor:
    """Zeros for `frames` frames; on the host they are pages that take no memory before they are written."""
    shape = (frames, *like.shape[1:])
    return like.new_zeros(shape) if like.is_cuda else torch.from_numpy(np.zeros(shape, like.numpy().dtype))


def replay_device(device: str, frames: int, channels: int = 3) -> str:
    """The device to store frames of so many bytes per pixel on: the GPU if a third of its free memory holds them."""
    if not device.startswith("cuda"):
        return "cpu"
    free, _ = torch.cuda.mem_get_info(device)
    return device if frames * 64 * 64 * channels < free / 3 else "cpu"
