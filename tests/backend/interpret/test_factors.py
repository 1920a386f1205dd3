"""A generator with known factors gets the right names, and factors that it does not encode get none."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from backend.interpret.encoded import EncodedFrames
from backend.interpret.factors import analyse, named_count

Array = npt.NDArray[np.float64]
Walks = Callable[[int, int], Array]
Encode = Callable[..., EncodedFrames]
NAMES = ("pole_angle_sin", "pole_angle_cos", "cart_position", "floor_hue", "background_hue", "frozen")


def generator(walks: Walks) -> tuple[Array, Array]:
    """Latents and factors: angle and floor hue in dims 0 and 1, cart and floor mixed in 2, an outsider in 3, 4 dead.

    The background's hue, one value per episode, is in none of them; neither is anything else in the outsider.
    """
    angle, cart, outsider = walks(0, 3).T
    hues = np.repeat(np.random.default_rng(1).uniform(size=(20, 2)), 100, axis=0)
    factors = np.c_[np.sin(angle), np.cos(angle), cart, hues, np.ones(len(cart))]
    noise = np.random.default_rng(2).normal(size=(len(cart), 5)) * 0.05
    floor = (hues[:, 0] - 0.5) * 3
    latent = np.c_[angle, -floor, cart * 0.8 + floor * 0.8, outsider, np.zeros(len(cart))] + noise
    return latent, factors


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    steps = np.random.default_rng(0).normal(size=(20, 100, 3)) * 0.3
    steps[:, 0] = np.random.default_rng(5).normal(size=(20, 3)) * 1.5
    series = np.cumsum(steps, axis=1).reshape(-1, 3)
    latent, factors = generator(lambda _seed, _count: series / series.std(0))
    logvar = np.tile(np.where(latent.std(0) > 0.3, -3.0, 0.0), (len(latent), 1))
    return analyse(EncodedFrames(latent, logvar, factors, NAMES, np.repeat(np.arange(20), 100)), seed=0)


def test_a_dimension_that_encodes_an_angle_is_named_after_it(result: dict[str, Any]) -> None:
    first = result["dimensions"][0]
    assert (first["status"], first["name"]) == ("named", "pole angle")
    assert first["second_factor"] not in ("pole_angle_sin", "pole_angle_cos")
    assert first["nmi"] - first["second_nmi"] == pytest.approx(first["margin"], abs=2e-4)


def test_a_factor_that_is_constant_in_an_episode_is_found_with_its_sign(result: dict[str, Any]) -> None:
    second = result["dimensions"][1]
    assert (second["status"], second["name"], second["sign"]) == ("named", "floor hue", -1)


def test_a_factor_that_nothing_encodes_names_nothing(result: dict[str, Any]) -> None:
    assert all(entry["name"] != "background hue" for entry in result["dimensions"])
    column = NAMES.index("background_hue")
    assert all(row[column] < null[column] for row, null in zip(result["nmi"], result["null"], strict=True))


def test_a_dimension_of_two_factors_is_no_pure_one(result: dict[str, Any]) -> None:
    third = result["dimensions"][2]
    assert third["factor"] in ("cart_position", "floor_hue")
    assert third["margin"] < result["dimensions"][0]["margin"]


def test_a_slow_stranger_is_unnamed_and_a_dead_dimension_inactive(result: dict[str, Any]) -> None:
    statuses = [entry["status"] for entry in result["dimensions"]]
    assert statuses[3:] == ["unnamed", "inactive"]
    assert named_count(result) == statuses.count("named")


def test_intervals_hold_the_estimate_and_constant_factors_are_reported(result: dict[str, Any]) -> None:
    for entry in result["dimensions"]:
        low, high = entry["interval"]
        assert 0 <= low <= entry["nmi"] <= high <= 1
    for name, (low, high) in result["metrics"]["intervals"].items():
        assert low <= result["metrics"][name] <= high
    assert any("frozen" in warning for warning in result["warnings"])


def test_metrics_of_the_generator_are_far_from_their_null(result: dict[str, Any]) -> None:
    metrics = result["metrics"]
    for name in ("mig", "dci", "sap", "infom", "infoe"):
        assert metrics[name] > metrics["null"][name] + 0.05, name


def test_the_same_seed_gives_the_same_numbers_and_progress_ends_at_one(walks: Walks, encoded: Encode) -> None:
    series = walks(0, 2)
    frames = encoded(series[::10], series[::10])
    seen: list[float] = []
    first = analyse(frames, seed=3, progress=lambda done, _phase: seen.append(done))
    assert first == analyse(frames, seed=3)
    assert seen == sorted(seen)
    assert seen[-1] == 1


def test_frames_without_any_factor_still_say_what_is_active(encoded: Encode, walks: Walks) -> None:
    latent = np.c_[walks(0, 1), np.zeros(2000)][::10]
    result = analyse(encoded(latent, np.zeros((200, 0))))
    assert [entry["status"] for entry in result["dimensions"]] == ["unnamed", "inactive"]
    assert result["metrics"]["mig"] == 0


def test_below_twenty_episodes_a_factor_with_one_value_per_episode_is_refused(walks: Walks) -> None:
    latent, factors = generator(walks)
    few = slice(0, 400)  # four episodes
    logvar = np.full((400, 5), -3.0)
    table = analyse(EncodedFrames(latent[few], logvar, factors[few], NAMES, np.repeat(np.arange(4), 100)))
    assert table["refused"] == ["floor_hue", "background_hue"]
    assert table["factor_names"] == ["pole_angle_sin", "pole_angle_cos", "cart_position", "frozen"]
    assert np.shape(table["nmi"]) == (5, 4)
    assert "cannot be identified from 4 episodes: floor_hue, background_hue" in " ".join(table["warnings"])
    assert all(entry["factor"] not in table["refused"] for entry in table["dimensions"])
    enough = analyse(EncodedFrames(latent, np.full(latent.shape, -3.0), factors, NAMES, np.repeat(np.arange(20), 100)))
    assert enough["refused"] == []  # the control


def test_where_every_factor_is_refused_no_dimension_has_one(walks: Walks) -> None:
    latent, factors = generator(walks)
    frames = EncodedFrames(
        latent[:400], np.full((400, 5), -3.0), factors[:400, 3:5], NAMES[3:5], np.repeat(np.arange(4), 100)
    )
    table = analyse(frames)
    assert {entry["nmi"] for entry in table["dimensions"]} == {None}
    assert {entry["status"] for entry in table["dimensions"]} == {"unnamed"}
