"""The dm_control tasks: repeatable, action repeat applied once, pictures of what is simulated."""

import os
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.envs.dmc import ControlEnvironment
from backend.envs.make import make_environment
from backend.envs.protocol import CONTROL_TASKS, DISTRACTIONS, EnvironmentFailed, Step, episode_frames


def _make(name: str, distraction: str = "none", repeat: int = 2, random_pose: bool = False) -> ControlEnvironment:
    made = make_environment(name, distraction=distraction, action_repeat=repeat, random_pose=random_pose)
    assert isinstance(made, ControlEnvironment)
    return made


def _actions(environment: ControlEnvironment, count: int) -> NDArray[np.float32]:
    return np.random.default_rng(5).uniform(-1, 1, (count, environment.action_size)).astype(np.float32)


def _run(environment: ControlEnvironment, seed: int, actions: NDArray[np.float32]) -> list[Step]:
    return [environment.reset(seed), *(environment.step(action) for action in actions)]


@pytest.fixture
def cartpole() -> Iterator[ControlEnvironment]:
    environment = _make("cartpole-swingup")
    yield environment
    environment.close()


@pytest.mark.parametrize("name", CONTROL_TASKS)
def test_every_task_shows_a_picture_and_finite_named_factors(name: str) -> None:
    environment = _make(name, "episode")
    try:
        steps = _run(environment, 3, _actions(environment, 3))
    finally:
        environment.close()
    assert environment.episode_steps == 500 == episode_frames(environment.name, 2) - 1
    assert len(set(environment.factor_names)) == len(environment.factor_names)
    for step in steps:
        assert step.image.shape == (64, 64, 3) and step.image.dtype == np.uint8
        assert step.image.std() > 5  # something is drawn
        assert step.factors.shape == (len(environment.factor_names),) and step.factors.dtype == np.float32
        assert np.isfinite(step.factors).all()
    assert [step.is_first for step in steps] == [True, False, False, False]
    assert not np.array_equal(steps[0].image, steps[-1].image)


@pytest.mark.parametrize("distraction", DISTRACTIONS)
def test_same_seed_and_actions_give_the_same_bytes_whatever_came_before(distraction: str) -> None:
    environment = _make("walker-walk", distraction)
    try:
        actions = _actions(environment, 5)
        first = _run(environment, 7, actions)
        other = _run(environment, 8, actions)
        again = _run(environment, 7, actions)
    finally:
        environment.close()
    for one, two in zip(first, again, strict=True):
        assert one.image.tobytes() == two.image.tobytes()
        assert one.factors.tobytes() == two.factors.tobytes()
        assert one.reward == two.reward
    assert not np.array_equal(first[0].image, other[0].image)
    assert not np.array_equal(first[0].factors, other[0].factors)


def test_action_repeat_sums_the_rewards_of_its_control_steps_once() -> None:
    twice, once = _make("cartpole-swingup", repeat=2), _make("cartpole-swingup", repeat=1)
    try:
        actions = _actions(twice, 6)
        coarse = _run(twice, 1, actions)
        fine = _run(once, 1, np.repeat(actions, 2, axis=0))
    finally:
        twice.close()
        once.close()
    for index, step in enumerate(coarse[1:]):
        pair = fine[1 + 2 * index : 3 + 2 * index]
        assert step.reward == pytest.approx(pair[0].reward + pair[1].reward, abs=1e-12)
        assert np.array_equal(step.factors, pair[1].factors)
        assert np.array_equal(step.image, pair[1].image)
    assert all(step.reward > 0 for step in coarse[1:])


def test_an_episode_stops_at_its_last_control_step_even_inside_a_repeat() -> None:
    environment = _make("cartpole-swingup", repeat=300)
    try:
        assert environment.episode_steps == 4  # 300 + 300 + 300 + 100 control steps
        steps = _run(environment, 0, np.zeros((4, 1), np.float32))
        assert [step.is_last for step in steps] == [False, False, False, False, True]
        last = steps[-1]
        assert last.discount == 1.0 and not last.is_terminal  # out of time, not out of the game
        assert last.reward < 0.5 * steps[-2].reward  # a third of the control steps
        with pytest.raises(RuntimeError, match="over"):
            environment.step(np.zeros(1, np.float32))
    finally:
        environment.close()


def test_a_step_needs_a_reset_and_finite_actions_of_the_right_size(cartpole: ControlEnvironment) -> None:
    with pytest.raises(RuntimeError, match="reset"):
        cartpole.step(np.zeros(1, np.float32))
    cartpole.reset(0)
    for wrong in (np.zeros(2, np.float32), np.array([np.nan], np.float32)):
        with pytest.raises(ValueError, match="expected 1 finite actions"):
            cartpole.step(wrong)


def test_actions_in_the_unit_range_reach_the_limits_of_the_motors(cartpole: ControlEnvironment) -> None:
    limits = cartpole._task.physics.model.actuator_ctrlrange[0]
    for action, expected in ((-1.0, limits[0]), (0.0, limits.mean()), (1.0, limits[1]), (9.0, limits[1])):
        cartpole.reset(0)
        cartpole.step(np.array([action], np.float32))
        assert cartpole._task.physics.data.ctrl[0] == pytest.approx(expected)


def test_a_simulation_that_diverges_is_a_typed_failure(cartpole: ControlEnvironment) -> None:
    cartpole.reset(0)
    cartpole._task.physics.data.qvel[:] = np.nan
    with pytest.raises(EnvironmentFailed, match="not finite") as caught:
        cartpole.step(np.zeros(1, np.float32))
    assert caught.value.kind == "not_finite" and caught.value.environment == "cartpole-swingup"


def test_random_poses_spread_over_the_whole_track_and_circle() -> None:
    environment = _make("cartpole-swingup", random_pose=True)
    try:
        factors = np.stack([environment.reset(seed).factors for seed in range(40)])
    finally:
        environment.close()
    position, sine, cosine = factors[:, 0], factors[:, 1], factors[:, 2]
    assert np.abs(position).max() <= 1.3 and position.min() < -0.8 and position.max() > 0.8
    quadrants = {(s > 0, c > 0) for s, c in zip(sine, cosine, strict=True)}
    assert len(quadrants) == 4


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="walker-walk"):
        make_environment("walker-jump", distraction="none")
    with pytest.raises(ValueError, match="set-a"):
        make_environment("walker-walk", distraction="set-c")
    with pytest.raises(ValueError, match="at least 1"):
        make_environment("walker-walk", distraction="none", action_repeat=0)


def test_a_process_of_an_environment_starts_with_what_that_needs_alone() -> None:
    """Loads no other domain, no scipy and no command line; the software renderer starts no threads."""
    script = (
        "import sys, backend.__main__, backend.pipeline.collector\n"
        "from pathlib import Path\n"
        "from backend.envs.make import make_environment\n"
        "environment = make_environment('walker-walk', distraction='episode')\n"
        "environment.reset(0)\n"
        "names = [task.read_text() for task in Path('/proc/self/task').glob('*/comm')]\n"
        "environment.close()\n"
        "assert not [name for name in names if name.startswith('llvmpipe')], names\n"
        "heavy = ('scipy', 'torch', 'pydantic', 'backend.cli', 'dm_control.suite', 'dm_control.suite.dog')\n"
        "assert not set(heavy) & set(sys.modules), sorted(set(heavy) & set(sys.modules))\n"
        "from dm_control import suite\n"  # whoever wants all of it still gets it
        "assert ('cheetah', 'run') in suite.BENCHMARKING and suite.walker is sys.modules['dm_control.suite.walker']\n"
        "print('lean')\n"
    )
    clean = {name: value for name, value in os.environ.items() if name != "LP_NUM_THREADS"}
    done = subprocess.run([sys.executable, "-c", script], env=clean, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "lean", done.stderr
