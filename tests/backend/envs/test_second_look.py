"""A second look: the same state in other colours, and its depth, without changing what the first look shows."""

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.envs.depth import Nearness
from backend.envs.dmc import ControlEnvironment
from backend.envs.make import make_environment
from backend.envs.protocol import SecondLook, Step


def steps_of(distraction: str, *, second_look: bool = True) -> tuple[ControlEnvironment, list[Step]]:
    environment = make_environment("cartpole-swingup", distraction=distraction, second_look=second_look)
    assert isinstance(environment, ControlEnvironment)
    push = np.ones(1, np.float32)
    return environment, [environment.reset(3), *(environment.step(push) for _ in range(3))]


def look_of(step: Step) -> SecondLook:
    assert step.second is not None
    return step.second


def shapes(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where neighbouring pixels differ: what is drawn, whatever its colours."""
    return np.asarray((np.abs(np.diff(image.astype(int), axis=1)) > 0).any(-1))


@pytest.mark.parametrize("distraction", ["episode", "set-a"])
def test_the_first_look_stays_as_it_is_and_the_second_differs_in_colour_alone(distraction: str) -> None:
    environment, steps = steps_of(distraction)
    _, again = steps_of(distraction)
    _, alone = steps_of(distraction, second_look=False)
    for step, repeated, first in zip(steps, again, alone, strict=True):
        assert first.second is None
        np.testing.assert_array_equal(step.image, first.image)
        np.testing.assert_array_equal(step.factors, first.factors)
        np.testing.assert_array_equal(look_of(step).recoloured, look_of(repeated).recoloured)
    image, (recoloured, nearness) = steps[-1].image, look_of(steps[-1])
    parts = environment.agent_parts()
    colours = [np.median(picture[parts == 1], axis=0) for picture in (image, recoloured)]
    assert np.abs(colours[0] - colours[1]).max() > 10
    cart, sky = nearness[parts == 1], nearness[0]
    assert cart.std() < 10 and cart.min() > sky.max() + 100
    looks = [look_of(step).recoloured for step in steps]
    assert not np.array_equal(looks[0], looks[1])


def test_a_camera_that_is_turned_stays_turned_in_the_second_look() -> None:
    environment, _ = steps_of("episode")
    before = environment.redraw({"camera_angle": 0.05, "light": 1.0})
    second = environment._second_look()
    assert second is not None
    agreeing = (shapes(before.image) == shapes(second.recoloured)).mean()
    turned = environment.redraw({"camera_angle": -0.05})
    assert agreeing > (shapes(turned.image) == shapes(second.recoloured)).mean()
    assert environment.redraw({}).factors[-1] == np.float32(-0.05)


def test_nearness_is_linear_in_the_inverse_of_depth_and_clipped() -> None:
    scale = Nearness.of(np.array([[1.0, 2.0], [4.0, 4.0]], np.float32))
    seen = scale(np.array([[1.0, 2.0], [4.0, 100.0], [0.5, 1.5]], np.float32))
    np.testing.assert_array_equal(seen, [[255, 85], [0, 0], [255, 142]])


def test_what_cannot_give_a_second_look_is_refused() -> None:
    for name, distraction in (("square-world", "episode"), ("cartpole-swingup", "video")):
        with pytest.raises(ValueError, match="in other colours"):
            make_environment(name, distraction=distraction, second_look=True)


def test_channels_of_flickering_colours_can_be_set_one_by_one() -> None:
    environment, _ = steps_of("set-a")
    before = environment.redraw({})
    name = environment.factor_names.index("body_red")
    after = environment.redraw({"body_red": 0.1})
    assert after.factors[name] == np.float32(0.1)
    np.testing.assert_array_equal(np.delete(after.factors, name), np.delete(before.factors, name))
    assert not np.array_equal(after.image, before.image)
