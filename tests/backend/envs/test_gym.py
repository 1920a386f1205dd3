"""Environments of gymnasium: MuJoCo's, and those that the administrator allows."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.data.episodes import read_episode
from backend.envs.allowed import VARIABLE
from backend.envs.gym import GymnasiumEnvironment
from backend.envs.listing import tasks
from backend.envs.make import make_environment
from backend.envs.protocol import EnvironmentFailed, environments
from backend.pipeline.builder import build_settings
from backend.pipeline.collector import Order, collector, episode_path
from backend.pipeline.settings import SettingsError

LEFT, RIGHT = np.array([1, 0, 0], np.float32), np.array([-1, 0.2, 0.3], np.float32)


@pytest.fixture(name="allowed")
def _allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "tests.support.dial:Dial-v0, tests.support.dial:Levers-v0")


@pytest.fixture
def dial(request: pytest.FixtureRequest) -> GymnasiumEnvironment:
    request.getfixturevalue("allowed")
    made = make_environment("Dial-v0", distraction="none", action_repeat=1)
    assert isinstance(made, GymnasiumEnvironment)
    return made


@pytest.mark.usefixtures("allowed")
def test_only_what_the_administrator_lists_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: Any = build_settings("collect", "tiny", {"environment": "Dial-v0", "distraction": "none"})
    assert chosen.environment == "Dial-v0" in environments()
    for refused in ("tests.support.dial:Dial-v0", "CartPole-v1", "os:system"):
        with pytest.raises(SettingsError, match="is not known"):
            build_settings("collect", "tiny", {"environment": refused, "distraction": "none"})
    with pytest.raises(SettingsError, match="it offers none"):
        build_settings("collect", "tiny", {"environment": "Dial-v0", "distraction": "episode"})
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(SettingsError, match="is not known"):
        build_settings("collect", "tiny", {"environment": "Dial-v0", "distraction": "none"})


def test_a_choice_is_the_largest_entry_and_is_reported_as_a_one_among_zeros(dial: GymnasiumEnvironment) -> None:
    assert dial.action_size == 3 and dial.factor_names == ("needle_0", "turned")
    first = dial.reset(4)
    assert first.action is None and first.is_first
    left, right = dial.step(LEFT), dial.step(RIGHT)
    assert left.factors.tolist() == [first.factors[0] - 1, 1] and right.factors.tolist() == [first.factors[0], 2]
    assert left.action is not None and left.action.tolist() == [1, 0, 0]
    assert right.action is not None and right.action.tolist() == [0, 0, 1]


def test_pictures_of_another_shape_are_made_small_whole_and_in_the_middle(dial: GymnasiumEnvironment) -> None:
    step = dial.reset(1)
    assert step.image.shape == (64, 64, 3)
    assert not step.image[:15].any() and not step.image[49:].any(), "twice as wide as high: a bar above and below"
    bright = np.nonzero(step.image[32, :, 0] > 150)[0]
    assert bright.mean() == pytest.approx(4 * step.factors[0] + 1.5, abs=0.6)


def test_an_end_is_terminal_and_a_time_limit_is_not(dial: GymnasiumEnvironment) -> None:
    for action, terminal in ((RIGHT, True), (LEFT, False)):
        step, reward = dial.reset(0), 0.0
        while not step.is_last:
            step = dial.step(action)
            reward += step.reward
        assert (step.is_terminal, step.discount, reward) == (terminal, 1.0 - terminal, float(terminal))
    with pytest.raises(RuntimeError, match="call reset"):
        dial.step(LEFT)


@pytest.mark.usefixtures("allowed")
def test_a_recording_holds_what_was_done_and_the_factors(tmp_path: Path) -> None:
    order = Order("Dial-v0", "none", 1, "fast", 12, "smooth", False)
    collector(order, tmp_path, 0, ())(0, lambda: None)
    episode = read_episode(episode_path(tmp_path, 0))
    assert episode.factor_names == ("needle_0", "turned")
    assert (episode.action[1:].sum(1) == 1).all() and set(np.unique(episode.action)) == {0.0, 1.0}
    moved = np.diff(episode.factors[:, 0])
    assert moved.tolist() == (episode.action[1:] @ [-1, 0, 1]).tolist(), "the action led to its own frame"


@pytest.mark.usefixtures("allowed")
def test_actions_of_another_kind_are_refused_in_one_sentence() -> None:
    with pytest.raises(EnvironmentFailed, match=r"MultiDiscrete: only vectors .Box. and one choice .Discrete."):
        make_environment("Levers-v0", distraction="none")


@pytest.mark.usefixtures("allowed")
def test_the_list_says_what_each_has_and_what_cannot_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    found = {task.name: task for task in tasks()}
    assert found["Dial-v0"].factors == ("needle_0", "turned") and found["Dial-v0"].distractions == ("none",)
    assert not found["Dial-v0"].missing
    assert "MultiDiscrete" in found["Levers-v0"].missing and not found["Levers-v0"].factors


def test_a_mujoco_environment_shows_the_colour_and_the_light_of_its_episode() -> None:
    environment = make_environment("Hopper-v5", distraction="episode")
    assert environment.action_size == 3 and environment.episode_steps == 500
    names = environment.factor_names
    assert {"rootz", "rooty_sin", "foot_joint", "body_colour", "light"} <= set(names)
    first, again, other = environment.reset(3), environment.reset(3), environment.reset(4)
    assert first.image.tobytes() == again.image.tobytes() != other.image.tobytes()
    assert first.factors.tobytes() == again.factors.tobytes()
    light = names.index("light")
    scenes = [environment.reset(seed) for seed in range(8)]
    brightness = [scene.image.mean() for scene in scenes]
    assert np.corrcoef(brightness, [scene.factors[light] for scene in scenes])[0, 1] > 0.9
    height = environment.step(np.zeros(3, np.float32)).factors[names.index("rootz")]
    assert height == pytest.approx(1.25, abs=0.1)  # metres, as the Hopper stands
    environment.close()
