"""The density of the data along a row: known shapes, and zero where there are no data."""

import numpy as np
import pytest

from backend.views.density import POINTS, density
from models.traversal import LatentStatistics


def statistics(latent: np.ndarray) -> LatentStatistics:
    """Of N frames with one latent each."""
    return LatentStatistics.of(latent[:, None], np.full((len(latent), 1), -8.0))


def test_data_of_one_density_are_flat_and_end_where_the_data_end() -> None:
    heights = density(statistics(np.linspace(-1, 1, 1001)), 0, np.linspace(-2, 2, 5))
    places = np.linspace(-2.5, 2.5, POINTS + 1)
    middles = (places[1:] + places[:-1]) / 2
    inside = [height for height, at in zip(heights, middles, strict=True) if abs(at) < 0.9]
    assert inside == pytest.approx([1] * len(inside), abs=0.02)
    assert {height for height, at in zip(heights, middles, strict=True) if abs(at) > 1.1} == {0.0}


def test_the_densest_place_is_one_and_lies_where_most_frames_lie() -> None:
    heights = density(statistics(np.random.default_rng(0).normal(1, 0.3, 5000)), 0, np.linspace(-2, 2, 11))
    assert max(heights) == 1
    at = np.linspace(-2.2, 2.2, POINTS + 1)[int(np.argmax(heights))]
    assert at == pytest.approx(1, abs=0.3)


def test_a_row_without_data_has_no_height() -> None:
    assert density(statistics(np.linspace(5, 6, 50)), 0, np.linspace(-2, 2, 11)) == [0.0] * POINTS
