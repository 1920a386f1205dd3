"""Tasks of dm_control's suite for which we defined no factor names."""

import numpy as np
import pytest

from backend.envs.dmc import ControlEnvironment
from backend.envs.gl import choose_backend
from backend.envs.listing import tasks
from backend.envs.make import make_environment
from backend.envs.protocol import CONTROL_TASKS, DISTRACTIONS, ENVIRONMENTS, Masked
from backend.envs.suite import SUITE_TASKS, known_factors

TRIED = ("pendulum-swingup", "acrobot-swingup", "ball_in_cup-catch", "lqr-lqr_2_1", "manipulator-bring_ball")


def test_every_task_of_the_suite_can_be_named() -> None:
    choose_backend()
    from dm_control import suite

    assert set(SUITE_TASKS) == {f"{domain}-{task}" for domain, task in suite.ALL_TASKS}
    assert len(SUITE_TASKS) == 51 and set(CONTROL_TASKS) <= set(SUITE_TASKS)


def test_every_environment_that_is_built_in_lists_its_factors_and_distractions() -> None:
    found = {task.name: task for task in tasks()}
    assert set(found) >= set(ENVIRONMENTS) and set(known_factors()) == set(ENVIRONMENTS)
    assert all(task.factors and task.distractions[0] == "none" for task in found.values())
    assert found["acrobot-swingup"].distractions == DISTRACTIONS
    assert "camera-jitter" not in found["dog-fetch"].distractions, "its camera keeps looking at the ball"
    assert "video" not in found["quadruped-run"].distractions, "no sky is seen"


@pytest.mark.parametrize("name", TRIED)
def test_a_task_reports_the_listed_factors_as_the_simulator_has_them(name: str) -> None:
    environment = make_environment(name, distraction="none")
    assert isinstance(environment, ControlEnvironment) and isinstance(environment, Masked)
    assert environment.factor_names == known_factors()[name] and environment.episode_steps == 500
    first, again = environment.reset(3), environment.reset(3)
    assert first.image.tobytes() == again.image.tobytes() and np.array_equal(first.factors, again.factors)
    step = environment.step(np.ones(environment.action_size, np.float32))
    values, data = dict(zip(environment.factor_names, step.factors, strict=True)), environment._task.physics.named.data
    for factor in environment._physical:
        if factor.joint and factor.name == factor.joint:
            assert values[factor.name] == pytest.approx(data.qpos[factor.joint][0], rel=1e-5, abs=1e-6)
            assert values[f"{factor.name}_velocity"] == pytest.approx(data.qvel[factor.joint][0], rel=1e-5, abs=1e-6)
    for place, kind in (("target", "site_xpos"), ("target_ball", "geom_xpos")):
        if f"{place}_x" in values:
            assert values[f"{place}_x"] == pytest.approx(getattr(data, kind)[place, "x"], abs=1e-6)
    assert step.image.std() > 5 and environment.agent_parts().any()
    environment.close()


def test_an_angle_without_a_limit_lies_on_the_circle_and_can_be_set() -> None:
    environment = make_environment("pendulum-swingup", distraction="episode")
    assert isinstance(environment, ControlEnvironment)
    before = environment.reset(1)
    after = environment.redraw({"hinge": 0.5})
    sine, cosine = (after.factors[environment.factor_names.index(f"hinge_{part}")] for part in ("sin", "cos"))
    assert (sine, cosine) == pytest.approx((np.sin(0.5), np.cos(0.5)), abs=1e-6)
    assert not np.array_equal(before.image, after.image)
    environment.close()
