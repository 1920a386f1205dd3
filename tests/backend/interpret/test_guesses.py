"""Image statistics measure what their names say."""

import colorsys

import numpy as np
import pytest

from backend.interpret.guesses import GUESSED_FACTORS, guess_factors, with_guesses


def frames(count: int = 5) -> np.ndarray:
    return np.zeros((count, 64, 64, 3), np.uint8)


def column(image: np.ndarray, name: str) -> np.ndarray:
    return guess_factors(image)[:, GUESSED_FACTORS.index(name)]


@pytest.mark.parametrize("hue", [0.0, 0.2, 0.45, 0.8])
def test_hue_is_the_angle_of_the_colour(hue: float) -> None:
    image = frames()
    image[:] = np.round(np.array(colorsys.hsv_to_rgb(hue, 0.8, 0.9)) * 255)
    angle = np.arctan2(column(image, "hue_sin"), column(image, "hue_cos")) / (2 * np.pi) % 1
    assert np.allclose(angle, hue, atol=0.02)
    assert np.allclose(column(image, "saturation"), 0.72, atol=0.01)


def test_brightness_follows_the_light() -> None:
    image = frames()
    image[:] = np.array([0, 50, 100, 150, 255])[:, None, None, None]
    assert np.allclose(column(image, "brightness"), np.array([0, 50, 100, 150, 255]) / 255, atol=1e-5)


def test_motion_is_where_the_square_moves() -> None:
    image = frames(8)
    for step in range(8):
        image[step, 8:16, 8 + 5 * step : 16 + 5 * step] = 255
    assert column(image, "motion")[0] == 0
    assert (column(image, "motion")[1:] > 0).all()
    assert (np.diff(column(image, "motion_x")[1:]) > 0).all()
    assert (column(image, "motion_y")[1:] < -0.5).all()
    assert (np.diff(column(image, "foreground_x")) > 0).all()


def test_a_still_grey_video_gives_finite_numbers() -> None:
    image = frames()
    image[:] = 128
    assert np.isfinite(guess_factors(image)).all()


def test_episodes_carry_their_guesses() -> None:
    episode = next(with_guesses([frames()]))
    assert episode.factors.shape == (5, len(episode.factor_names))
