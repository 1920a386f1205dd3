"""The true flow of the simulator's pictures leads to where a point is drawn next, whatever moved, the camera too."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from backend.data.episode import read_episode, write_episode
from backend.envs.flow import Shot, flow_along, flow_between
from backend.envs.make import make_environment
from backend.envs.protocol import Measurable
from backend.pipeline.builder import build_settings
from backend.pipeline.collector import Order, record_episode
from backend.pipeline.settings import SettingsError
from models.warp import warp

FOCAL, FAR, NEAR = 32.0, 4.0, 2.0


def a_shot(shift: float = 0.0, turn: float = 0.0) -> Shot:
    """A wall 4 m away, geom 0, and a square of 8 pixels 2 m away, geom 1, which is `shift` metres to the right.

    The camera looks along -z, turned to the left by `turn`.
    """
    square = np.zeros((64, 64), bool)
    moved = round(shift * FOCAL / NEAR)
    square[28:36, 28 + moved : 36 + moved] = True
    left = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    return Shot(
        depth=np.where(square, NEAR, FAR).astype(np.float32),
        geoms=square.astype(np.int64),
        place=np.array([[0.0, 0.0, -FAR], [shift, 0.0, -NEAR]]),
        turn=np.stack([np.eye(3)] * 2),
        camera_place=np.zeros(3),
        camera_turn=left,
        focal=FOCAL,
    )


def test_a_square_moves_by_what_its_distance_makes_of_its_way_and_hides_what_it_covers() -> None:
    way = flow_between(a_shot(), a_shot(0.25))  # 0.25 m at 2 m: 4 pixels
    square = a_shot().geoms == 1
    np.testing.assert_allclose(way[square], [[4, 0, 0]] * 64, atol=0.04)
    assert np.abs(way[~square][:, :2]).max() < 0.04
    hidden = np.zeros((64, 64), bool)
    hidden[28:36, 36:40] = True  # the wall right of the square
    np.testing.assert_array_equal(way[..., 2] > 0, hidden)


def test_all_moves_as_the_camera_turns_what_is_infinitely_far_too_and_what_leaves_is_hidden() -> None:
    turned = 2 / FOCAL
    after = a_shot(turn=turned)
    way = flow_between(a_shot(), after)
    np.testing.assert_allclose(way[30:34, 30:34, 0], 2, atol=0.1)
    assert way[32, 63, 2] == 1 and way[32, 0, 2] == 0
    nowhere = np.full((64, 64), -1)
    sky = flow_between(a_shot()._replace(geoms=nowhere), after._replace(geoms=nowhere))
    np.testing.assert_allclose(sky[30:34, 30:34, 0], 2, atol=0.1)
    assert not sky[20:40, 20:40, 2].any()


def frames_and_flow(name: str, distraction: str) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
    environment = make_environment(name, distraction=distraction)
    assert isinstance(environment, Measurable)
    rng, frames, shots = np.random.default_rng(0), [environment.reset(3).image], [environment.shot()]
    for _ in range(6):
        frames.append(environment.step(rng.uniform(-1, 1, environment.action_size).astype(np.float32)).image)
        shots.append(environment.shot())
    environment.close()
    return np.stack(frames), flow_along(shots)


@pytest.mark.parametrize(
    ("name", "distraction"), [("finger-spin", "none"), ("walker-walk", "none"), ("cartpole-swingup", "camera-jitter")]
)
def test_moved_back_along_it_the_next_picture_is_far_nearer_to_this_one(name: str, distraction: str) -> None:
    frames, way = frames_and_flow(name, distraction)
    flow, image = (torch.from_numpy(array.astype(np.float32)).movedim(-1, 1) for array in (way, frames))
    moving = (flow[:-1, :2].norm(dim=1, keepdim=True) > 0.5) & (flow[:-1, 2:] == 0)
    here, still, moved = image[:-1], image[1:], warp(image[1:], flow[:-1, :2])
    errors = [float((((one - here) ** 2) * moving).sum()) for one in (still, moved)]
    assert moving.any() and errors[1] < errors[0] / 4, errors
    backwards = warp(image[1:], -flow[:-1, :2])
    assert float((((backwards - here) ** 2) * moving).sum()) > errors[0] / 2, "and not along any other"


def test_an_episode_keeps_it_beside_the_same_pictures_and_a_file_gives_it_back(tmp_path: Path) -> None:
    environment = make_environment("finger-spin", distraction="none")
    order = Order("finger-spin", "none", 2, "fast", 5, "smooth", True)
    without = record_episode(order, environment, 0, 0, lambda: None)
    episode = record_episode(order._replace(true_flow=True), environment, 0, 0, lambda: None)
    environment.close()
    assert without.flow is None and episode.flow is not None
    np.testing.assert_array_equal(episode.image, without.image)
    assert episode.flow.shape == (5, 64, 64, 3) and not episode.flow[-1].any() and episode.flow[0].any()
    write_episode(tmp_path / "one.npz", episode)
    again = read_episode(tmp_path / "one.npz")
    assert again.flow is not None
    np.testing.assert_array_equal(again.flow, episode.flow)
    write_episode(tmp_path / "bad.npz", episode._replace(flow=episode.flow[..., :2]))
    with pytest.raises(ValueError, match="`flow` is float16"):
        read_episode(tmp_path / "bad.npz")


def test_it_is_refused_where_the_simulator_does_not_know_it() -> None:
    for changes, why in (
        ({"environment": "pusher"}, "dm_control's tasks only, not of pusher"),
        ({"environment": "finger-spin", "distraction": "video"}, "a film moves behind the scene"),
    ):
        with pytest.raises(SettingsError, match=why):
            build_settings("collect", "tiny", {**changes, "true_flow": True})
