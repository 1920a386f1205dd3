"""Moving distractions: seeded, inside their range, and consistent with the pixels."""

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.envs.dmc import ControlEnvironment
from backend.envs.make import make_environment
from backend.envs.moving import CLIPS, JITTER, Wandering, procedural_clips, sky_clips
from backend.envs.protocol import Step

MOVING = ("camera-jitter", "light", "video", "everything")


def _make(distraction: str, films: tuple[NDArray[np.uint8], ...] = ()) -> ControlEnvironment:
    made = make_environment("cartpole-swingup", distraction=distraction, action_repeat=1, films=films)
    assert isinstance(made, ControlEnvironment)
    return made


def _run(environment: ControlEnvironment, seed: int, count: int) -> list[Step]:
    still = np.zeros(environment.action_size, np.float32)
    return [environment.reset(seed), *(environment.step(still) for _ in range(count))]


def _reported(environment: ControlEnvironment, steps: list[Step], name: str) -> NDArray[np.float64]:
    return np.array([step.factors[environment.factor_names.index(name)] for step in steps], float)


def _sky(environment: ControlEnvironment) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = environment._scene._camera.render(segmentation=True)[..., 0] == -1
    return mask


@pytest.mark.parametrize("distraction", MOVING)
def test_moving_distractions_follow_their_seed_and_differ_every_step(distraction: str) -> None:
    environment = _make(distraction)
    count = len(environment._distraction.factor_names)
    one, other, again = (_run(environment, seed, 4) for seed in (1, 2, 1))
    environment.close()
    moved = np.stack([step.factors[-count:] for step in one])
    assert (np.abs(np.diff(moved, axis=0)).max(1) > 1e-4).all()
    assert not np.array_equal(one[0].factors[-count:], other[0].factors[-count:])
    for first, second in zip(one, again, strict=True):
        assert first.image.tobytes() == second.image.tobytes()
        assert first.factors.tobytes() == second.factors.tobytes()


def test_the_reported_tilt_and_pan_move_the_picture() -> None:
    environment = _make("camera-jitter")
    horizons, rails, tilts, pans = [], [], [], []
    for seed in range(12):
        steps = _run(environment, seed, 1)
        sky = _sky(environment)
        cart = environment._scene._camera.render(segmentation=True)[..., 0]
        horizons.append(sky[:, 2].sum())  # rows of sky at the left edge
        rails.append(np.argwhere(cart == environment._task.physics.model.name2id("cart", "geom"))[:, 1].mean())
        tilts.append(_reported(environment, steps, "camera_tilt")[-1])
        pans.append(_reported(environment, steps, "camera_pan")[-1])
        assert max(abs(tilts[-1]), abs(pans[-1])) <= JITTER + 1e-6
    environment.close()
    assert np.corrcoef(tilts, horizons)[0, 1] > 0.95
    assert np.corrcoef(pans, rails)[0, 1] > 0.9  # turned to the left, the cart stands further right


def test_the_reported_light_is_the_brightness_of_the_body() -> None:
    environment = _make("light")
    lights, pixels = [], []
    for seed in range(8):
        step = _run(environment, seed, 1)[-1]
        lights.append(step.factors[environment.factor_names.index("light")])
        pixels.append(float(step.image[~_sky(environment)].mean()))
    environment.close()
    assert np.corrcoef(lights, pixels)[0, 1] > 0.98
    assert min(lights) >= 0.4 - 1e-6 and max(lights) <= 1


def test_a_users_film_plays_on_the_sky_frame_by_frame_and_starts_over() -> None:
    random = np.random.default_rng(0)
    colours = random.integers(20, 235, (5, 3)).astype(np.uint8)
    film = np.broadcast_to(colours[:, None, None], (5, 64, 64, 3)).copy()
    environment = _make("video", (film,))
    steps = _run(environment, 3, 7)
    position = np.round(5 * _reported(environment, steps, "video_position")).astype(int)
    assert position.tolist() == [(position[0] + index) % 5 for index in range(8)]
    sky = _sky(environment)
    for step, frame in zip(steps, position, strict=True):
        reported = step.factors[[environment.factor_names.index(f"video_{c}") for c in ("red", "green", "blue")]]
        assert np.abs(255 * reported - colours[frame]).max() < 1
        assert np.abs(np.median(step.image[sky], axis=0) - colours[frame]).max() <= 2
    environment.close()


def test_procedural_clips_show_the_colour_that_is_reported() -> None:
    environment = _make("video")
    shown, reported, clips = [], [], set()
    for seed in range(12):
        step = _run(environment, seed, 0)[-1]
        shown.append(step.image[_sky(environment)].mean(0) / 255)
        reported.append(step.factors[[environment.factor_names.index(f"video_{c}") for c in ("red", "green", "blue")]])
        clips.add(int(step.factors[environment.factor_names.index("video_clip")]))
    environment.close()
    assert np.corrcoef(np.ravel(shown), np.ravel(reported))[0, 1] > 0.9
    assert len(clips) > 3 and max(clips) < CLIPS


def test_everything_at_once_leaves_out_a_sky_that_nobody_sees() -> None:
    seen = make_environment("cartpole-swingup", distraction="everything")
    unseen = make_environment("reacher-easy", distraction="everything")
    names, fewer = seen.factor_names, unseen.factor_names
    seen.close()
    unseen.close()
    assert {"camera_tilt", "light", "video_clip", "floor_red"} <= set(names)
    assert "light" in fewer and "video_clip" not in fewer
    with pytest.raises(ValueError, match="reacher-easy cannot show 'video'"):
        make_environment("reacher-easy", distraction="video")


def test_wandering_stays_in_its_range_and_reaches_both_ends() -> None:
    walk, random = Wandering(2.0, 4.0, 3), np.random.default_rng(0)
    values = np.stack([walk.reset(random), *(walk.advance(random) for _ in range(2000))])
    assert values.min() == 2.0 and values.max() == 4.0
    assert np.abs(np.diff(values, axis=0)).std() < 0.3


def test_films_are_halved_for_the_sky() -> None:
    film = np.zeros((2, 64, 64, 3), np.uint8)
    film[:, ::2, ::2] = 200
    assert (sky_clips([film])[0] == 50).all() and sky_clips([film])[0].shape == (2, 32, 32, 3)
    assert len({clip.tobytes() for clip in procedural_clips(4, 6)}) == 4
