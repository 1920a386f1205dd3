"""Chance and spread for frames that are not independent: whole episodes are permuted, shifted and resampled."""

import warnings

import numpy as np

from backend.interpret.encoded import Flags, Floats, Integers

MIN_UNITS = 5
RESAMPLED = 1_000
BLOCKS = 10


def constant_per_episode(factors: Floats, episode: Integers) -> Flags:
    """Which factors keep one value for the whole of every episode: (F,)."""
    same_episode = episode[1:] == episode[:-1]
    steps = np.diff(factors, axis=0)[same_episode]
    several = len(np.unique(episode)) > 1
    return np.asarray((np.abs(steps) < 1e-9).all(axis=0) & several)


def shifted_rows(episode: Integers, generator: np.random.Generator) -> Integers:
    """For each frame the frame whose factor values it gets under the null: (N,).

    Each episode gets the factors of another episode, rotated by a random number of frames. So an episode still counts
    once, however slowly it moves, and patterns that all episodes share at a time step do not count as an association.
    With fewer than five episodes the whole series is rotated instead, by at least a quarter of its length.
    """
    frames = len(episode)
    starts, numbers = _episodes(episode)
    if len(starts) < MIN_UNITS:
        offset = int(generator.integers(frames // 4, frames - frames // 4 + 1))
        return np.asarray((np.arange(frames) + offset) % frames)
    lengths = np.diff(np.r_[starts, frames])
    order = generator.permutation(len(starts))
    lender = np.empty_like(order)
    lender[order] = np.roll(order, int(generator.integers(1, len(order))))
    turned = np.arange(frames) - starts[numbers] + int(generator.integers(0, lengths.max()))
    return np.asarray(starts[lender[numbers]] + turned % lengths[lender[numbers]])


def bootstrap_weights(episode: Integers, generator: np.random.Generator) -> Floats:
    """How often each frame counts when episodes are drawn with replacement: (N,)."""
    _, numbers = _episodes(_units(episode))
    units = int(numbers.max()) + 1
    drawn = np.bincount(generator.integers(0, units, units), minlength=units)
    return np.asarray(drawn[numbers], np.float64)


def interval(value: float, samples: Floats) -> list[float]:
    """The 95% spread of resampled values, centred on the value, inside [0, 1].

    Resampling repeats frames, which biases information upwards; only the spread is taken from it.
    """
    spread = np.percentile(samples - samples.mean(), [2.5, 97.5])
    low, high = np.clip(value + spread, 0, 1)
    return [float(min(low, value)), float(max(high, value))]


def interval_of_mean(values: Floats) -> Floats:
    """95% of the mean when episodes (E, ...) are drawn with replacement: (..., 2). NaN is left out; NaN if all is."""
    generator = np.random.default_rng(0)
    drawn = values[generator.integers(0, len(values), (RESAMPLED, len(values)))]  # (R, E, ...)
    there = np.isfinite(drawn)
    count = there.sum(1)
    means = np.where(count > 0, np.where(there, drawn, 0).sum(1) / np.maximum(count, 1), np.nan)
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # numpy's, where nothing is known
        return np.moveaxis(np.nanpercentile(means, [2.5, 97.5], axis=0), 0, -1)


def null_threshold(null: Floats) -> Floats:
    """The value that a pair must exceed to be significant: (S, Z, F) values under the null -> (Z, F).

    Studentised maximum over the factors of a dimension (Westfall and Young), at 99%: a dimension that carries
    nothing clears it for any of its factors about once in a hundred. A rotated episode is two pieces, so the spread
    of slow series comes out too small by at most the root of two; this is corrected here.
    """
    mean, std = null.mean(axis=0), null.std(axis=0) + 1e-6
    worst = ((null - mean) / std).max(axis=2)
    return np.asarray(mean + np.sqrt(2) * np.quantile(worst, 0.99, axis=0)[:, None] * std)


def _episodes(episode: Integers) -> tuple[Integers, Integers]:
    """First frame of each episode (E,) and the running number of the episode of each frame (N,)."""
    changes = np.r_[True, episode[1:] != episode[:-1]]
    return np.flatnonzero(changes), np.cumsum(changes) - 1


def _units(episode: Integers) -> Integers:
    """Episodes, or blocks of frames where there are too few episodes to resample."""
    if len(np.unique(episode)) >= MIN_UNITS:
        return episode
    blocks = np.arange(len(episode)) * BLOCKS // len(episode)
    return np.asarray(blocks + BLOCKS * (np.cumsum(np.r_[0, np.diff(episode) != 0])))
