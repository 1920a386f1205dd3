"""Latents of many frames and the true factors of the same frames: the input of every metric."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

# Below this KL to the prior (nats per frame) a dimension has too little information to be named.
INACTIVE_KL = 0.05


@dataclass(frozen=True)
class EncodedFrames:
    """N frames of E episodes in chronological order, as the encoder sees them.

    mean, logvar: (N, Z) of the latent's Gaussian. factors: (N, F), one name per column.
    episode: (N,) the number of the episode of each frame; the frames of an episode are contiguous.
    guessed: whether the factors are image statistics instead of a simulator's truth.
    """

    mean: Floats
    logvar: Floats
    factors: Floats
    factor_names: tuple[str, ...]
    episode: Integers
    guessed: bool = False

    def __post_init__(self) -> None:
        frames = self.mean.shape[0]
        if self.mean.ndim != 2 or self.logvar.shape != self.mean.shape:
            raise ValueError(f"mean {self.mean.shape} and logvar {self.logvar.shape} must both be (N, Z)")
        if self.factors.shape != (frames, len(self.factor_names)) or self.episode.shape != (frames,):
            raise ValueError(
                f"factors {self.factors.shape} and episode {self.episode.shape} do not fit "
                f"{frames} frames and {len(self.factor_names)} factor names"
            )
        if not np.isfinite(self.mean).all():
            raise ValueError("latent means hold NaN or infinity: the checkpoint is not usable")

    @property
    def kl(self) -> Floats:
        """KL[latent || N(0, I)] of each dimension, averaged over frames, in nats: (Z,)."""
        mean, logvar = self.mean.astype(np.float64), self.logvar.astype(np.float64)
        return np.asarray(0.5 * (mean**2 + np.exp(logvar) - 1 - logvar).mean(axis=0))

    @property
    def active(self) -> Flags:
        """Which dimensions carry information: (Z,)."""
        return np.asarray(self.kl >= INACTIVE_KL)

    def frame_in_episode(self) -> Integers:
        """Place of each frame inside its own episode, from 0: (N,)."""
        starts = np.flatnonzero(np.r_[True, self.episode[1:] != self.episode[:-1]])
        lengths = np.diff(np.r_[starts, len(self.episode)])
        return np.asarray(np.arange(len(self.episode)) - np.repeat(starts, lengths))

    def of_factors(self, columns: Integers | Sequence[int]) -> "EncodedFrames":
        """The same with only some of the factors."""
        return EncodedFrames(
            self.mean,
            self.logvar,
            self.factors[:, columns],
            tuple(self.factor_names[column] for column in columns),
            self.episode,
            self.guessed,
        )

    def take(self, rows: Integers | Sequence[int]) -> "EncodedFrames":
        """The same with only some of the frames."""
        return EncodedFrames(
            self.mean[rows],
            self.logvar[rows],
            self.factors[rows],
            self.factor_names,
            self.episode[rows],
            self.guessed,
        )
