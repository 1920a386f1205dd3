"""The drawn world: factors and mask match the picture, and no policy exceeds the best return."""

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.envs.make import make_environment
from backend.envs.protocol import Masked, episode_frames
from backend.envs.square_world import GOAL, SPEED, SquareWorld, best_return, mean_best_return, reward_at

Action = NDArray[np.float32]


def _make(distraction: str, repeat: int = 2) -> SquareWorld:
    made = make_environment("square-world", distraction=distraction, action_repeat=repeat)
    assert isinstance(made, SquareWorld)
    return made


def _to_goal(world: SquareWorld, repeat: int) -> Action:
    return np.clip((np.array(GOAL) - world.place) / (SPEED * repeat), -1, 1).astype(np.float32)


def _played(world: SquareWorld, seed: int, repeat: int, random: np.random.Generator | None = None) -> float:
    """Share of the best return, for going straight to the goal or for uniform random actions."""
    step, score = world.reset(seed), 0.0
    best = best_return(world.place)
    while not step.is_last:
        action = _to_goal(world, repeat) if random is None else random.uniform(-1, 1, 2).astype(np.float32)
        step = world.step(action)
        score += step.reward
    return score / best


def test_going_straight_to_the_goal_gets_the_best_return_and_random_actions_get_little_of_it() -> None:
    single, double, random = _make("none", 1), _make("none", 2), np.random.default_rng(0)
    assert np.allclose([_played(single, seed, 1) for seed in range(20)], 1)
    shares = [_played(double, seed, 2) for seed in range(20)]
    assert min(shares) > 0.999 and max(shares) <= 1
    assert np.mean([_played(single, seed, 1, random) for seed in range(50)]) < 0.3


def test_no_sequence_of_actions_beats_the_best_return() -> None:
    world, random = _make("none", 1), np.random.default_rng(1)
    for seed in range(20):
        step, score = world.reset(seed), 0.0
        best = best_return(world.place)
        while not step.is_last:  # roughly to the goal, now and then off it
            step = world.step(_to_goal(world, 1) + random.normal(0, 0.2, 2).astype(np.float32))
            score += step.reward
        assert score < best


def test_the_mean_of_the_best_return_is_that_of_many_starts() -> None:
    starts = np.random.default_rng(0).uniform(size=(5000, 2))
    assert np.mean([best_return(start) for start in starts]) == pytest.approx(mean_best_return(), abs=0.1)
    assert reward_at(np.array(GOAL)) == 1


def test_the_mask_is_where_the_square_is_drawn_and_the_square_is_where_the_factors_say() -> None:
    world = _make("episode")
    assert isinstance(world, Masked)
    for seed in range(10):
        step, mask = world.reset(seed), world.agent_parts() == 1
        assert mask.shape == (64, 64) and 200 < mask.sum() < 290
        rows, columns = np.nonzero(mask)
        place = (np.array([columns.mean(), rows.mean()]) - 13.5) / 36
        assert np.allclose(place, step.factors[:2], atol=0.02)
        inside = step.image[6:-6, 6:-6].astype(int)
        assert inside[mask[6:-6, 6:-6]].sum(-1).min() > 250 > inside[~mask[6:-6, 6:-6]].sum(-1).mean()  # bright on dark


def test_the_square_goes_where_the_action_points_and_stays_in_the_picture() -> None:
    world = _make("none", 1)
    world.reset(0)
    before = world.place
    assert np.allclose(
        world.step(np.array([0.4, -1], np.float32)).factors[:2], before + np.array([0.02, -0.05]), atol=1e-6
    )
    for _ in range(30):
        step = world.step(np.array([1, 1], np.float32))
    assert np.array_equal(step.factors, [1, 1]) and step.reward == pytest.approx(1 - (0.09 + 0.49) / 0.3)


@pytest.mark.parametrize(("distraction", "moves"), [("episode", False), ("set-a", True)])
def test_colours_are_drawn_an_episode_and_flicker_only_where_they_should(distraction: str, moves: bool) -> None:
    world = _make(distraction)
    firsts = np.array([world.reset(seed).factors[2:] for seed in range(40)])
    assert firsts.min() < 0.1 and firsts.max() > 0.9 and firsts.std(0).min() > 0.2
    later = world.step(np.zeros(2, np.float32))
    assert (not np.array_equal(later.factors[2:], firsts[-1])) == moves
    assert world.factor_names == ("square_x", "square_y", "square_colour", "background_colour", "border_colour")


def test_without_distraction_only_the_square_moves() -> None:
    world = _make("none")
    one, other = (world.reset(seed).image for seed in (0, 1))
    assert world.factor_names == ("square_x", "square_y") and np.array_equal(one[:6], other[:6])


def test_an_episode_follows_its_seed_and_ends_after_a_hundred_control_steps() -> None:
    world, actions = _make("set-a"), np.random.default_rng(0).uniform(-1, 1, (50, 2)).astype(np.float32)
    runs = [[world.reset(seed), *(world.step(action) for action in actions)] for seed in (3, 4, 3)]
    assert all(np.array_equal(one.image, two.image) for one, two in zip(runs[0], runs[2], strict=True))
    assert not np.array_equal(runs[0][0].image, runs[1][0].image)
    assert [step.is_last for step in runs[0]] == [False] * 50 + [True]
    assert world.episode_steps == 50 == episode_frames("square-world", 2) - 1
    with pytest.raises(RuntimeError, match="over"):
        world.step(actions[0])
    world.reset(0)
    with pytest.raises(ValueError, match="2 finite actions"):
        world.step(np.array([np.nan, 0], np.float32))
