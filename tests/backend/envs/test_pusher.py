"""Pusher from above: colours once per episode, reported as drawn; repeatable; rewards summed once."""

from collections.abc import Iterator
from importlib import util

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.envs.make import SET_A, check_installed, make_environment
from backend.envs.protocol import MissingExtra, Step, episode_frames
from backend.envs.pusher import PusherEnvironment

TABLE_PIXELS = (slice(4, 12), slice(10, 50))  # rows and columns of the picture that show nothing but the table


def _make(distraction: str, repeat: int = 2) -> PusherEnvironment:
    made = make_environment("pusher", distraction=distraction, action_repeat=repeat)
    assert isinstance(made, PusherEnvironment)
    return made


@pytest.fixture(scope="module")
def coloured() -> Iterator[PusherEnvironment]:
    environment = _make("episode")
    yield environment
    environment.close()


def _actions(count: int) -> NDArray[np.float32]:
    return np.random.default_rng(1).uniform(-1, 1, (count, 7)).astype(np.float32)


def _colour(environment: PusherEnvironment, step: Step, part: str) -> NDArray[np.float32]:
    names = environment.factor_names
    return step.factors[[names.index(f"{part}_{channel}") for channel in ("red", "green", "blue")]]


def test_the_reported_table_colour_is_the_colour_of_the_tables_pixels(coloured: PusherEnvironment) -> None:
    reported, drawn = [], []
    for seed in range(8):
        step = coloured.reset(seed)
        reported.append(_colour(coloured, step, "table"))
        drawn.append(step.image[TABLE_PIXELS].mean((0, 1)) / 255)
        later = coloured.step(_actions(1)[0])
        assert np.array_equal(_colour(coloured, later, "table"), reported[-1])  # once per episode
    assert np.corrcoef(np.ravel(reported), np.ravel(drawn))[0, 1] > 0.97
    assert len({tuple(colour) for colour in reported}) == 8


def test_the_arm_has_a_colour_of_its_own(coloured: PusherEnvironment) -> None:
    step = coloured.reset(0)
    arm = _colour(coloured, step, "arm")
    pixels = step.image.reshape(-1, 3).astype(float)
    shares = pixels / pixels.sum(1, keepdims=True).clip(1)
    close = np.abs(shares - arm / arm.sum()).max(1) < 0.03
    assert close[pixels.sum(1) > 60].sum() > 50  # pixels of the arm's hue, light or dark


def test_set_a_draws_from_its_box_and_none_leaves_the_colours() -> None:
    boxed, undistracted = _make("set-a"), _make("none")
    colours = np.stack([_colour(boxed, boxed.reset(seed), "table") for seed in range(20)])
    assert np.abs(colours - np.array(SET_A)).max() <= 0.2 + 1e-6 and colours.std(0).min() > 0.05
    pictures = [undistracted.reset(seed).image[TABLE_PIXELS] for seed in range(3)]
    assert all(np.array_equal(picture, pictures[0]) for picture in pictures)
    assert len(undistracted.factor_names) == len(undistracted.reset(0).factors) == 5
    boxed.close()
    undistracted.close()


def test_an_episode_follows_its_seed_and_ends_after_a_hundred_control_steps(coloured: PusherEnvironment) -> None:
    runs = [[coloured.reset(seed), *(coloured.step(action) for action in _actions(4))] for seed in (5, 6, 5)]
    for one, two in zip(runs[0], runs[2], strict=True):
        assert one.image.tobytes() == two.image.tobytes() and one.factors.tobytes() == two.factors.tobytes()
    assert not np.array_equal(runs[0][0].factors, runs[1][0].factors)
    coloured.reset(0)
    ends = [coloured.step(np.zeros(7, np.float32)).is_last for _ in range(coloured.episode_steps)]
    assert coloured.episode_steps == 50 == episode_frames("pusher", 2) - 1 and ends == [False] * 49 + [True]
    with pytest.raises(RuntimeError, match="over"):
        coloured.step(np.zeros(7, np.float32))


def test_action_repeat_sums_the_rewards_once() -> None:
    twice, once = _make("none", 2), _make("none", 1)
    twice.reset(3), once.reset(3)
    for action in _actions(5):
        pair = [once.step(action), once.step(action)]
        assert twice.step(action).reward == pytest.approx(pair[0].reward + pair[1].reward, abs=1e-9)
    twice.close()
    once.close()


def test_without_gymnasium_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    find = util.find_spec
    monkeypatch.setattr("backend.envs.pusher.find_spec", lambda name: None if name == "gymnasium" else find(name))
    with pytest.raises(MissingExtra, match=r"needs gymnasium, .*diswm-studio\[pusher\]"):
        check_installed("pusher")
