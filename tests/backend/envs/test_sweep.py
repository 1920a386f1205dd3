"""Setting one factor changes its part of the picture and nothing else."""

from collections.abc import Iterator

import numpy as np
import pytest

from backend.envs.dmc import ControlEnvironment
from backend.envs.make import make_environment
from backend.envs.protocol import CONTROL_TASKS
from backend.envs.sweep import Sweeper


@pytest.fixture(scope="module")
def sweeper() -> Iterator[Sweeper]:
    with Sweeper("cartpole-swingup", distraction="episode") as opened:
        yield opened


def test_knobs_are_joints_and_what_the_distraction_draws(sweeper: Sweeper) -> None:
    assert sweeper.knobs == (
        "cart_position",
        "pole_angle",
        "body_colour",
        "floor_colour",
        "background_colour",
        "light",
        "camera_angle",
    )


def test_the_same_values_give_the_same_pictures_and_others_do_not(sweeper: Sweeper) -> None:
    first, again = (sweeper.draw(3, "light", (0.5, 0.9)) for _ in range(2))
    assert first.shape == (2, 64, 64, 3)
    assert np.array_equal(first, again)
    assert first[1].mean() > first[0].mean() + 10


def test_the_cart_moves_with_its_position_and_the_sky_stays(sweeper: Sweeper) -> None:
    left, right = sweeper.draw(5, "cart_position", (-1.0, 1.0)).astype(int)
    assert np.abs(left - right).mean() > 1
    assert np.array_equal(left[:4], right[:4])


def test_a_factor_that_cannot_be_set_is_refused(sweeper: Sweeper) -> None:
    with pytest.raises(ValueError, match="'pole_velocity' cannot be set"):
        sweeper.draw(0, "pole_velocity", (1.0,))


def test_an_angle_that_is_set_is_read_back_as_its_sine_and_cosine() -> None:
    environment = make_environment("cartpole-swingup", distraction="none")
    assert isinstance(environment, ControlEnvironment)
    environment.reset(0)
    seen = dict(zip(environment.factor_names, environment.redraw({"pole_angle": 1.2}).factors, strict=True))
    environment.close()
    assert seen["pole_angle_sin"] == pytest.approx(np.sin(1.2), abs=1e-5)
    assert seen["pole_angle_cos"] == pytest.approx(np.cos(1.2), abs=1e-5)


@pytest.mark.parametrize("name", CONTROL_TASKS)
def test_every_task_has_joints_that_can_be_set(name: str) -> None:
    environment = make_environment(name, distraction="none")
    assert isinstance(environment, ControlEnvironment)
    before = environment.reset(1).image.astype(int)
    changes = [np.abs(environment.redraw({knob: 0.4}).image - before).max() for knob in environment.knobs]
    environment.close()
    assert len(changes) >= 2
    assert max(changes) > 20
