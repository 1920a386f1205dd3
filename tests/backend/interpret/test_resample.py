"""Chance is measured with whole episodes, because the frames of one episode are correlated."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from backend.interpret.encoded import EncodedFrames
from backend.interpret.nulls import associate
from backend.interpret.resample import (
    bootstrap_weights,
    constant_per_episode,
    interval,
    interval_of_mean,
    shifted_rows,
)

Array = npt.NDArray[np.float64]
EPISODE = np.repeat(np.arange(6), 10)


def test_factors_with_one_value_an_episode_are_told_from_moving_ones() -> None:
    factors = np.c_[EPISODE * 1.5, np.arange(60)]
    assert constant_per_episode(factors, EPISODE).tolist() == [True, False]


def test_the_null_gives_each_episode_the_turned_factors_of_another_whole_one() -> None:
    for seed in range(50):
        rows = shifted_rows(EPISODE, np.random.default_rng(seed))
        lender = EPISODE[rows].reshape(6, 10)
        assert (lender == lender[:, :1]).all()
        assert (lender[:, 0] != np.arange(6)).all()
        assert sorted(rows.tolist()) == list(range(60))
        assert set(np.diff(rows.reshape(6, 10)[0] % 10) % 10) == {1}


def test_the_null_of_one_long_episode_turns_it_by_a_quarter_at_least() -> None:
    for seed in range(50):
        rows = shifted_rows(np.zeros(60, np.int64), np.random.default_rng(seed))
        distance = (rows - np.arange(60)) % 60
        assert len(set(distance)) == 1
        assert 15 <= distance[0] <= 45


def test_episodes_are_resampled_whole() -> None:
    weights = bootstrap_weights(EPISODE, np.random.default_rng(0)).reshape(6, 10)
    assert (weights == weights[:, :1]).all()
    assert weights.sum() == 60


def test_one_long_episode_is_resampled_in_blocks() -> None:
    weights = bootstrap_weights(np.zeros(100, np.int64), np.random.default_rng(0))
    assert len(set(weights)) > 1


def test_an_interval_is_centred_on_the_estimate() -> None:
    low, high = interval(0.5, np.linspace(0.6, 0.8, 101))
    assert low < 0.5 < high
    assert abs((0.5 - low) - (high - 0.5)) < 1e-9


def test_slow_series_that_share_nothing_stay_below_the_null(
    walks: Callable[[int, int], Array], encoded: Callable[..., EncodedFrames]
) -> None:
    """Negative control: the null of shuffled frames mistakes slow change for information."""
    frames = encoded(walks(0, 4), walks(1, 4))
    association = associate(frames, 0, lambda _done, _phase: None)
    assert (association.nmi < association.threshold).all()
    shuffled = np.random.default_rng(0).permutation(len(frames.mean))
    loose = associate(
        EncodedFrames(
            frames.mean,
            frames.logvar,
            frames.factors[shuffled],
            frames.factor_names,
            np.arange(len(shuffled)),
        ),
        0,
        lambda _done, _phase: None,
    )
    assert (association.raw > loose.threshold).any()


def test_the_interval_of_a_mean_covers_it_as_often_as_it_says() -> None:
    draws = np.random.default_rng(1).normal(3.0, 2.0, (200, 40))
    ends = np.array([interval_of_mean(each) for each in draws])
    covered = ((ends[:, 0] < 3.0) & (ends[:, 1] > 3.0)).mean()
    assert 0.88 <= covered <= 0.98
    assert np.allclose(ends[:, 1] - ends[:, 0], 2 * 1.96 * 2.0 / 40**0.5, rtol=0.5)


def test_the_interval_of_a_mean_leaves_out_what_is_missing() -> None:
    values = np.array([[1.0, np.nan], [1.0, np.nan], [np.nan, np.nan]])
    assert np.allclose(interval_of_mean(values), [[1, 1], [np.nan, np.nan]], equal_nan=True)
