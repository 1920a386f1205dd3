"""The agent's mask: exactly the pixels that its colour changes; reading it does not change the simulation."""

import numpy as np
import pytest

from backend.envs.dmc import ControlEnvironment
from backend.envs.make import make_environment
from backend.envs.parts import part_names
from backend.envs.protocol import CONTROL_TASKS, Look, Masked


def _make(name: str, look: Look = "fast") -> ControlEnvironment:
    made = make_environment(name, distraction="episode", look=look, random_pose=True)
    assert isinstance(made, ControlEnvironment)
    return made


def _moved(environment: ControlEnvironment, seed: int) -> None:
    environment.reset(seed)
    for action in np.random.default_rng(seed).uniform(-1, 1, (4, environment.action_size)):
        environment.step(action.astype(np.float32))


def _recoloured(environment: ControlEnvironment) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """The pixels that change with the colour of the body: (64, 64)."""
    one, other = (environment.redraw({"body_colour": end}).image for end in (0.0, 1.0))
    return np.asarray((one != other).any(axis=-1))


@pytest.mark.parametrize("name", CONTROL_TASKS)
def test_the_mask_covers_exactly_the_pixels_that_change_with_the_colour_of_the_body(name: str) -> None:
    environment = _make(name)
    try:
        for seed in range(3):
            _moved(environment, seed)
            mask = environment.agent_parts() > 0
            assert mask.shape == (64, 64) and mask.dtype == np.bool_
            assert 5 < mask.sum() < 1000
            assert np.array_equal(mask, _recoloured(environment))
    finally:
        environment.close()


@pytest.mark.parametrize(("name", "parts"), [("cartpole-swingup", ("cart", "pole")), ("walker-walk", ("walker",))])
def test_parts_that_can_be_told_apart_have_numbers(name: str, parts: tuple[str, ...]) -> None:
    environment = _make(name)
    try:
        _moved(environment, 1)
        shown = environment.agent_parts()
        assert shown.dtype == np.uint8 and part_names(name) == environment.part_names == parts
        assert set(np.unique(shown)) == set(range(len(parts) + 1))
    finally:
        environment.close()


def test_only_the_pole_turns_with_its_hinge() -> None:
    environment = _make("cartpole-swingup")
    try:
        environment.reset(0)
        up, down = (environment.redraw({"pole_angle": angle}) and environment.agent_parts() for angle in (0.0, np.pi))
        rows = [np.argwhere(shown == 2)[:, 0].mean() for shown in (up, down)]
        assert rows[0] < rows[1]  # the first rows are the top of the picture
    finally:
        environment.close()


def test_with_shadows_and_soft_edges_the_mask_lies_inside_what_changes_and_looking_changes_nothing() -> None:
    environment = _make("finger-spin", look="paper")
    try:
        _moved(environment, 0)
        before = environment.redraw({}).image
        mask = environment.agent_parts() > 0
        assert np.array_equal(environment.redraw({}).image, before)
        changed = _recoloured(environment)
        assert not (mask & ~changed).any() and mask.sum() < changed.sum()  # shadow and reflection are not the agent
    finally:
        environment.close()


def test_from_near_the_camera_follows_the_cart_and_nothing_but_the_picture_changes() -> None:
    near, far = (_make("cartpole-swingup", look) for look in ("near", "fast"))
    pushes = [np.ones(1, np.float32)] * 20
    try:
        seen = [[environment.reset(4), *map(environment.step, pushes)] for environment in (near, far)]
        assert all(np.array_equal(one.factors, other.factors) for one, other in zip(*seen, strict=True))
        assert [step.reward for step in seen[0]] == [step.reward for step in seen[1]]
        assert seen[0][-1].factors[0] - seen[0][0].factors[0] > 0.5  # metres that the cart has gone
        shown = {name: environment.agent_parts() for name, environment in (("near", near), ("far", far))}
        cart = {name: np.argwhere(parts == 1)[:, 1].mean() for name, parts in shown.items()}
        assert abs(cart["near"] - 31.5) < 1 and abs(cart["far"] - 31.5) > 4  # columns
        assert (shown["near"] == 2).sum() > 1.7 * (shown["far"] == 2).sum()
        assert np.array_equal(shown["near"] > 0, _recoloured(near))
        tilted = near.redraw({"camera_angle": 0.05})
        assert not np.array_equal(tilted.image, near.redraw({"camera_angle": 0.0}).image)
    finally:
        near.close()
        far.close()


def test_a_task_without_a_nearer_camera_is_drawn_as_fast() -> None:
    near, fast = (_make("finger-spin", look) for look in ("near", "fast"))
    try:
        assert np.array_equal(near.reset(3).image, fast.reset(3).image)
    finally:
        near.close()
        fast.close()


def test_environments_say_whether_they_know_where_their_agent_is() -> None:
    environment = _make("cartpole-swingup")
    try:
        assert isinstance(environment, Masked)
        assert not isinstance(object(), Masked)
    finally:
        environment.close()
