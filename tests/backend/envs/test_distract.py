"""Distractions: reported values equal what is drawn, stay in their range, and each changes what its name says."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.envs.distract import (
    BACKGROUND_LINE,
    BODY_LINE,
    FLOOR_LINE,
    LIGHT_RANGE,
    EpisodeFactors,
    FlickeringColours,
    colour_at,
)
from backend.envs.dmc import ControlEnvironment
from backend.envs.make import SET_A, SET_B, make_environment
from backend.envs.protocol import CONTROL_TASKS, Step
from backend.envs.scene import BODY_MATERIALS
from backend.envs.suite import SKY_HIDDEN

MIDDLE = {"body_colour": 0.5, "floor_colour": 0.5, "background_colour": 0.5, "light": 0.8, "camera_angle": 0.0}


def _make(name: str, distraction: str) -> ControlEnvironment:
    made = make_environment(name, distraction=distraction)
    assert isinstance(made, ControlEnvironment)
    return made


def _masks(environment: ControlEnvironment) -> dict[str, NDArray[np.bool_]]:
    """Where body, floor and sky are in the present picture, each (64, 64)."""
    model = environment._task.physics.model
    drawn = environment._scene._camera.render(segmentation=True)[..., 0]
    worn = {index: model.id2name(model.geom_matid[index], "material") for index in range(model.ngeom)}
    body = [index for index, material in worn.items() if material in BODY_MATERIALS]
    floor = [index for index, material in worn.items() if material == "grid"]
    return {"body": np.isin(drawn, body), "floor": np.isin(drawn, floor), "sky": drawn == -1}


class Stage:
    """A task with per-episode factors that the test chooses."""

    def __init__(self, name: str) -> None:
        self.environment = _make(name, "episode")
        self.environment.reset(0)
        assert isinstance(self.environment._distraction, EpisodeFactors)
        self.distraction = self.environment._distraction

    def draw(self, **factors: float) -> NDArray[np.float64]:
        """The picture (64, 64, 3) with these factors and the others in the middle of their ranges."""
        self.distraction.apply(self.environment._scene, MIDDLE | factors)
        return self.environment._scene.render().astype(float)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    made = Stage("walker-walk")
    yield made
    made.environment.close()


def _run(environment: ControlEnvironment, seed: int, count: int) -> list[Step]:
    random = np.random.default_rng(0)
    actions = random.uniform(-1, 1, (count, environment.action_size)).astype(np.float32)
    return [environment.reset(seed), *(environment.step(action) for action in actions)]


def _colours(environment: ControlEnvironment, steps: list[Step]) -> NDArray[np.float32]:
    """Reported colours (T, materials, 3)."""
    assert isinstance(environment._distraction, FlickeringColours)
    count = len(environment._distraction.factor_names)
    return np.stack([step.factors[-count:] for step in steps]).reshape(len(steps), -1, 3)


@pytest.mark.parametrize(("distraction", "centre"), [("set-a", SET_A), ("set-b", SET_B)])
def test_flickering_colours_stay_in_their_box_and_move_every_step(
    distraction: str, centre: tuple[float, float, float]
) -> None:
    environment = _make("cartpole-swingup", distraction)
    colours = _colours(environment, _run(environment, 0, 60))
    environment.close()
    assert np.abs(colours - np.array(centre)).max() <= 0.2 + 1e-6
    assert (np.abs(np.diff(colours, axis=0)).max(axis=(1, 2)) > 0.01).all()
    low, high = colours.min(axis=(0, 1)), colours.max(axis=(0, 1))
    assert np.allclose(low, np.array(centre) - 0.2, atol=0.02) and np.allclose(high, np.array(centre) + 0.2, atol=0.02)


def test_flickering_moves_by_the_published_step_once_a_control_step() -> None:
    made = make_environment("cartpole-swingup", distraction="set-a", action_repeat=1)
    assert isinstance(made, ControlEnvironment)
    colours = _colours(made, _run(made, 0, 300))
    made.close()
    inside = np.abs(colours - np.array(SET_A)) < 0.199
    both = inside[1:] & inside[:-1]  # moves that were not cut off at a wall
    moves = np.diff(colours, axis=0)[both]
    # A normal step of std 0.2 that must stay within a box of width 0.4 has a std of 0.12 to 0.14.
    assert abs(moves.mean()) < 0.01 and 0.12 < moves.std() < 0.14
    assert 0.35 < 1 - inside[1:].mean() < 0.55  # about half of all steps end at a wall


def test_reported_body_colour_is_the_colour_of_the_bodys_pixels() -> None:
    environment = _make("walker-walk", "set-a")
    names = environment.factor_names
    environment.reset(0)
    for push in np.linspace(-1, 1, 30, dtype=np.float32):
        step = environment.step(np.full(environment.action_size, push, np.float32))
        reported = np.array([step.factors[names.index(f"body_{channel}")] for channel in ("red", "green", "blue")])
        drawn = np.median(step.image[_masks(environment)["body"]], axis=0)
        light = (drawn / 255 / reported)[drawn < 250]  # brighter channels are cut off at white
        assert (np.abs(light - light.mean()) < 0.03 + 1 / 255 / reported.min()).all()  # one light on all channels
        assert 0.9 < light.mean() < 1.6
    environment.close()


def test_episode_factors_hold_within_an_episode_and_differ_between_episodes() -> None:
    environment = _make("walker-walk", "episode")
    count = len(environment._distraction.factor_names)
    assert environment.factor_names[-5:] == tuple(MIDDLE)
    episodes = [[step.factors[-count:] for step in _run(environment, seed, 3)] for seed in range(6)]
    environment.close()
    for episode in episodes:
        assert all(np.array_equal(values, episode[0]) for values in episode)
    firsts = np.stack([episode[0] for episode in episodes])
    assert (np.abs(firsts[:, None] - firsts[None]) > 1e-4).all(axis=2).sum() == 6 * 5
    colours, light = firsts[:, :3], firsts[:, 3]
    assert colours.min() >= 0 and colours.max() <= 1 and light.min() >= LIGHT_RANGE[0] and light.max() <= 1


def test_body_colour_moves_the_bodys_pixels_along_its_line_and_nothing_else(stage: Stage) -> None:
    values = np.linspace(0, 1, 5)
    pictures = [stage.draw(body_colour=value) for value in values]
    mask = _masks(stage.environment)["body"]
    drawn = np.array([picture[mask].mean(axis=0) for picture in pictures])  # (5, 3)
    line = np.subtract(BODY_LINE[1], BODY_LINE[0])
    along = drawn @ line / np.linalg.norm(line)
    assert (np.diff(along) > 10).all()
    assert np.corrcoef(values, along)[0, 1] > 0.995
    assert all(np.array_equal(picture[~mask], pictures[0][~mask]) for picture in pictures)


def test_background_pixels_have_exactly_the_background_colour(stage: Stage) -> None:
    for value in (0.0, 0.3, 1.0):
        picture = stage.draw(background_colour=value)
        sky = picture[_masks(stage.environment)["sky"]]
        expected = 255 * colour_at(BACKGROUND_LINE, value)
        assert len(sky) > 500 and np.abs(np.median(sky, axis=0) - expected).max() <= 2


def test_floor_colour_moves_the_floors_pixels_only(stage: Stage) -> None:
    pictures = [stage.draw(floor_colour=value) for value in (0.0, 0.5, 1.0)]
    mask = _masks(stage.environment)["floor"]
    line = np.subtract(FLOOR_LINE[1], FLOOR_LINE[0])
    along = [picture[mask].mean(axis=0) @ line for picture in pictures]
    assert along[0] + 10 < along[1] and along[1] + 10 < along[2]
    assert all(np.array_equal(picture[~mask], pictures[0][~mask]) for picture in pictures)


def test_light_brightens_body_and_floor_and_leaves_the_sky(stage: Stage) -> None:
    pictures = [stage.draw(light=value) for value in (LIGHT_RANGE[0], 0.7, 1.0)]
    masks = _masks(stage.environment)
    for part in ("body", "floor"):
        brightness = [picture[masks[part]].mean() for picture in pictures]
        assert brightness[0] * 1.2 < brightness[1] and brightness[1] * 1.1 < brightness[2]
    assert all(np.array_equal(picture[masks["sky"]], pictures[0][masks["sky"]]) for picture in pictures)


def test_camera_angle_moves_the_horizon(stage: Stage) -> None:
    horizons = []
    for angle in (-0.1, -0.05, 0.0, 0.05, 0.1):
        stage.draw(camera_angle=angle)
        horizons.append(_masks(stage.environment)["sky"][:, 0].sum())  # rows of sky at the left edge
    assert (np.diff(horizons) >= 2).all()  # tilting up shows more sky


@pytest.mark.parametrize("name", CONTROL_TASKS)
def test_the_agent_stays_in_view_at_both_ends_of_the_camera_angle(name: str) -> None:
    stage = Stage(name)
    seen = []
    for angle in (0.0, -0.1, 0.1):
        stage.draw(camera_angle=angle)
        seen.append(_masks(stage.environment)["body"].sum())
    stage.environment.close()
    assert min(seen[1:]) > 0.7 * seen[0] > 0


@pytest.mark.parametrize("name", CONTROL_TASKS)
def test_background_is_a_factor_exactly_where_the_sky_is_seen(name: str) -> None:
    stage = Stage(name)
    stage.draw()
    sky = _masks(stage.environment)["sky"].mean()
    names = stage.environment.factor_names
    stage.environment.close()
    assert ("background_colour" in names) == (name not in SKY_HIDDEN)
    assert (sky > 0.2) == ("background_colour" in names)


def test_no_distraction_reports_physical_factors_only() -> None:
    undistracted, distracted = _make("walker-walk", "none"), _make("walker-walk", "episode")
    names, more = undistracted.factor_names, distracted.factor_names
    undistracted.close()
    distracted.close()
    assert more[: len(names)] == names and len(more) == len(names) + 5
