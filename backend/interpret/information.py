"""Mutual information between latents and factors: binned for whole matrices, nearest neighbours for single pairs.

Normalised mutual information (NMI) here is I(latent; factor) / H(factor): the share of the factor's entropy
that knowing the latent removes. A latent that determines the factor scores 1 whatever else it carries.
"""

import numpy as np
import numpy.typing as npt

from backend.interpret.encoded import Floats, Integers

MAX_BINS = 20
MIN_FRAMES_PER_CELL = 5


def bin_count(frames: int) -> int:
    """As many bins as leave about five frames for each cell of a joint histogram, 20 at most."""
    return int(np.clip(np.sqrt(frames / MIN_FRAMES_PER_CELL), 2, MAX_BINS))


def discretise(values: Floats, bins: int) -> Integers:
    """Equal-frequency codes 0..bins-1 of a series; equal values share a bin: (N,) -> (N,).

    A value that fills more than a bin, such as the zero of a contact sensor, has a bin of its own.
    """
    distinct, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    if len(distinct) <= bins:
        return place.astype(np.int64)
    edges = np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1]))
    if len(edges) == bins - 1:
        return np.searchsorted(edges, values, side="right").astype(np.int64)
    return _filled(counts, bins)[place]


def _filled(counts: Integers, bins: int) -> Integers:
    """The bin of each distinct value: one is closed where the next value would take it further from full."""
    full = counts.sum() / bins
    codes, current, held = np.empty(len(counts), np.int64), 0, 0
    for index, count in enumerate(counts):
        if held and current < bins - 1 and held + count - full > full - held:
            current, held = current + 1, 0
        codes[index] = current
        held += int(count)
    return codes


def one_hot(codes: Integers, bins: int) -> npt.NDArray[np.float32]:
    """(N, K) codes -> (N, K * bins) of zeros and ones."""
    frames, series = codes.shape
    hot = np.zeros((frames, series * bins), np.float32)
    hot[np.arange(frames)[:, None], np.arange(series) * bins + codes] = 1
    return hot


def entropy(probabilities: Floats, axis: int) -> Floats:
    """Shannon entropy in nats along an axis; zeros count as zero."""
    logs = np.log(np.where(probabilities > 0, probabilities, 1))
    return np.asarray(-(probabilities * logs).sum(axis=axis))


class BinnedFrames:
    """Binned latents and factors, ready for NMI matrices of resampled or shifted frames.

    Every matrix is one product of one-hot codes, so a null of hundreds of shifts takes seconds.
    """

    def __init__(self, latent: Integers, factors: Integers, bins: int) -> None:
        self.frames, self.latents = latent.shape
        self.factors = factors.shape[1]
        self.bins = bins
        self._latent_hot = one_hot(latent, bins)
        self._factor_hot = one_hot(factors, bins)

    def nmi(self, weights: Floats | None = None, rows: Integers | None = None) -> Floats:
        """NMI of each latent with each factor: (Z, F), 0 where a factor is constant.

        weights: (N,) how often each frame counts. rows: (N,) which frame lends its factors to each latent.
        """
        factor_hot = self._factor_hot if rows is None else self._factor_hot[rows]
        if weights is not None:
            factor_hot = factor_hot * weights.astype(np.float32)[:, None]
        counts = (self._latent_hot.T @ factor_hot).astype(np.float64)
        joint = counts.reshape(self.latents, self.bins, self.factors, self.bins)
        joint /= self.frames if weights is None else float(weights.sum())
        factor_entropy = entropy(joint.sum(axis=1), axis=-1)
        latent_entropy = entropy(joint.sum(axis=3), axis=1)
        flat = joint.transpose(0, 2, 1, 3).reshape(self.latents, self.factors, -1)
        information = factor_entropy + latent_entropy - entropy(flat, axis=-1)
        safe = np.where(factor_entropy > 1e-9, factor_entropy, np.inf)
        return np.clip(information / safe, 0, 1)


def neighbour_information(latent: Floats, factor: Floats, seed: int) -> float:
    """Mutual information of two series in nats by three nearest neighbours (Kraskov's estimator)."""
    from sklearn.feature_selection import mutual_info_regression  # loads pandas too, so only when needed

    return float(mutual_info_regression(latent[:, None], factor, random_state=seed)[0])
