"""Bins hold about equally many frames, and a value that fills more than one bin gets its own."""

import numpy as np
import pytest

from backend.interpret.encoded import EncodedFrames
from backend.interpret.factors import analyse
from backend.interpret.information import discretise

generator = np.random.default_rng(0)
RARE = np.where(generator.random(2000) < 0.04, generator.uniform(0.5, 3, 2000), 0)


def test_a_series_without_ties_falls_into_equal_bins() -> None:
    assert np.bincount(discretise(generator.normal(size=2000), 20)).tolist() == [100] * 20


@pytest.mark.parametrize("series", [RARE, -RARE, RARE + 5, np.where(np.arange(2000) % 2, RARE, -RARE)])
def test_a_value_that_fills_most_bins_has_one_of_its_own(series: np.ndarray) -> None:
    codes = discretise(series, 20)
    common = codes[RARE == 0]
    assert (common == common[0]).all()
    assert not (codes[RARE != 0] == common[0]).any()
    assert codes.min() == 0 and codes.max() < 20
    assert (np.diff(codes[np.argsort(series, kind="stable")]) >= 0).all()  # in the order of the values


def test_ties_never_need_more_bins_than_there_are() -> None:
    for count in (21, 40, 100):
        codes = discretise(generator.integers(0, count, 2000).astype(float), 20)
        assert codes.max() < 20
        assert np.bincount(codes).max() <= 2 * 2000 / 20 + 2000 / count


def test_a_contact_sensor_that_is_mostly_zero_gives_its_dimension_its_name() -> None:
    angle = generator.normal(size=2000)
    mean = np.stack([RARE + 0.001 * generator.normal(size=2000), angle], 1)
    episode = np.repeat(np.arange(40), 50)
    frames = EncodedFrames(mean, np.full(mean.shape, -4.0), np.stack([RARE, angle], 1), ("touch", "angle"), episode)
    first = analyse(frames)["dimensions"][0]
    assert (first["status"], first["factor"]) == ("named", "touch")
    assert first["nmi"] > 0.5
