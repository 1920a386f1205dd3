"""How strongly each latent goes with each factor, compared with chance, and its variation over episodes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from backend.interpret.encoded import EncodedFrames, Flags, Floats, Integers
from backend.interpret.information import BinnedFrames, bin_count
from backend.interpret.metrics import codes, varying
from backend.interpret.resample import (
    bootstrap_weights,
    constant_per_episode,
    interval,
    null_threshold,
    shifted_rows,
)

SHIFTS = 200
RESAMPLES = 200
COARSE_BINS = 4


@dataclass(frozen=True)
class Association:
    """NMI of Z latents and F factors.

    raw: (Z, F) unadjusted. nmi: the same adjusted for chance, (raw - mean null) / (1 - mean null), floored at 0.
    threshold: (Z, F), on the adjusted scale, what a pair must exceed. null: (S, Z, F) adjusted, factors shifted.
    resampled: (R, Z, F) adjusted, episodes resampled, centred on nmi. varying: (F,) false for constant factors.
    """

    factor_names: tuple[str, ...]
    raw: Floats
    nmi: Floats
    threshold: Floats
    null: Floats
    resampled: Floats
    varying: Flags

    def interval(self, dim: int, factor: int) -> list[float]:
        """95% interval of one pair."""
        return interval(float(self.nmi[dim, factor]), self.resampled[:, dim, factor])

    def beyond_chance(self, nmi: Floats) -> Floats:
        """NMI (..., Z, F) of the varying factors, with zero for pairs that do not clear their null."""
        return np.asarray(np.where(nmi > self.threshold, nmi, 0)[..., self.varying])


def associate(frames: EncodedFrames, seed: int, progress: Callable[[float, str], None]) -> Association:
    """Count, shift 200 times, resample 200 times."""
    generator = np.random.default_rng(seed)
    constant = constant_per_episode(frames.factors, frames.episode)
    binned = _Binned(frames, constant)
    raw = binned.nmi(None, None)
    shifted, resampled = [], []
    for step in range(SHIFTS):
        shifted.append(binned.nmi(None, shifted_rows(frames.episode, generator)))
        _tell(progress, step, SHIFTS, 0.0, "null by shifted factors")
    for step in range(RESAMPLES):
        resampled.append(binned.nmi(bootstrap_weights(frames.episode, generator), None))
        _tell(progress, step, RESAMPLES, 0.5, "intervals by resampled episodes")
    return _adjust(frames, raw, np.stack(shifted), np.stack(resampled))


class _Binned:
    """Moving factors in fine bins; factors with one value per episode, and latents compared with them, in coarse ones.

    Twenty bins of a latent could identify twenty episodes, and so determine any factor that is constant in them.
    """

    def __init__(self, frames: EncodedFrames, constant: Flags) -> None:
        fine = bin_count(len(frames.mean))
        coarse = min(fine, max(COARSE_BINS, bin_count(len(np.unique(frames.episode)))))
        self.shape = (frames.mean.shape[1], len(frames.factor_names))
        self.parts: list[tuple[Integers, BinnedFrames]] = []
        for columns, bins in ((np.flatnonzero(~constant), fine), (np.flatnonzero(constant), coarse)):
            if len(columns):
                binned = BinnedFrames(codes(frames.mean, bins), codes(frames.factors[:, columns], bins), bins)
                self.parts.append((columns, binned))

    def nmi(self, weights: Floats | None, rows: Integers | None) -> Floats:
        """NMI of every pair: (Z, F); weights and rows (N,) as in BinnedFrames."""
        matrix = np.zeros(self.shape)
        for columns, binned in self.parts:
            matrix[:, columns] = binned.nmi(weights, rows)
        return matrix


def _adjust(frames: EncodedFrames, raw: Floats, null: Floats, resampled: Floats) -> Association:
    chance = null.mean(axis=0)
    room = np.maximum(1 - chance, 1e-6)
    nmi = np.maximum((raw - chance) / room, 0)
    return Association(
        factor_names=frames.factor_names,
        raw=raw,
        nmi=nmi,
        threshold=(null_threshold(null) - chance) / room if null.shape[2] else chance,
        null=np.maximum((null - chance) / room, 0),
        resampled=np.clip(nmi + (resampled - resampled.mean(axis=0)) / room, 0, 1),
        varying=varying(frames.factors),
    )


def _tell(progress: Callable[[float, str], None], step: int, steps: int, start: float, phase: str) -> None:
    if step % 20 == 0:
        progress(start + 0.5 * step / steps, phase)
