"""A counterfactual against the simulator: the shipped model's own dimension foresees the true change, others do not."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backend.data.catalogue import SHIPPED
from backend.data.checkpoint import Checkpoint, load_checkpoint, read_info
from backend.interpret.counterfactual import Counterfactual, bearer, counterfactual, explained
from backend.interpret.counterfactual_request import CounterfactualRequest, factor_range, settable
from backend.interpret.request import ViewError


@pytest.fixture(scope="module")
def shipped() -> Checkpoint:
    """The shipped model with the most names, whose colours, light and camera can be set."""
    name = "finger-episode-factors"
    return load_checkpoint(read_info(SHIPPED / name, name, "shipped"))


@pytest.fixture(scope="module")
def best_factor(shipped: Checkpoint) -> str:
    """The settable factor that a single dimension encodes best."""
    table = shipped.factors
    assert table is not None
    strength = {name: np.array(table["nmi"])[:, table["factor_names"].index(name)].max() for name in settable(shipped)}
    return max(strength, key=lambda name: strength[name])


@pytest.fixture(scope="module")
def found(shipped: Checkpoint, best_factor: str) -> Iterator[Counterfactual]:
    yield counterfactual(shipped, CounterfactualRequest(best_factor, horizon=8, step=6))


def test_the_dimension_of_a_factor_foresees_its_change_and_no_other_does(found: Counterfactual) -> None:
    own = found.explained[found.label.dim]
    others = [share for dim, share in found.explained.items() if dim != found.label.dim]
    assert own > 0.5
    assert max(others) < own / 2


def test_the_world_changes_at_the_step_and_the_model_does_too(found: Counterfactual) -> None:
    timeline = found.timeline("x")
    change = timeline.curves["Size of the change in grey levels"]
    for line in change.values():
        assert max(line[:6]) < 0.001  # type: ignore[type-var]  # no gaps; rounding may move a pixel by one level
        assert min(line[6:]) > 1  # type: ignore[type-var]
    assert np.array_equal(found.lived.image[:6], found.changed.image[:6])
    assert found.changed.factors[6:, found.changed.factor_names.index(found.request.factor)] == pytest.approx(
        found.after
    )
    assert [strip.title for strip in timeline.strips][2::3] == ["true change", "predicted change"]


def test_settings_reopen_it(found: Counterfactual) -> None:
    metadata = json.loads(found.settings)
    assert metadata["diswm"] == "counterfactual"
    assert CounterfactualRequest.read(metadata["view"]) == found.request


def test_the_share_that_is_explained_is_one_for_the_same_change_and_zero_for_none() -> None:
    true = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    assert explained(true, true) == pytest.approx(1)
    assert explained(true, np.zeros_like(true)) == pytest.approx(0)
    assert explained(true, -true) == pytest.approx(-3)
    assert explained(np.zeros_like(true), true) == 0


def test_a_value_outside_the_clip_is_refused_with_the_factor_s_range_and_its_bounds_as_said_are_taken(
    shipped: Checkpoint, best_factor: str
) -> None:
    low, high = (f"{bound:g}" for bound in factor_range(shipped, best_factor))
    with pytest.raises(ViewError) as caught:
        CounterfactualRequest(best_factor, to=99.0).check(shipped)
    assert (
        caught.value.message == f"{best_factor} in this checkpoint's clip goes from {low} to {high}; 99.0 lies outside"
    )
    for bound in (low, high):
        CounterfactualRequest(best_factor, to=float(bound)).check(shipped)


def test_without_a_table_of_factors_the_dimension_that_goes_along_most_is_taken(
    shipped: Checkpoint, best_factor: str, tmp_path: Path
) -> None:
    without = replace(shipped, info=replace(shipped.info, folder=tmp_path))
    assert without.factors is None
    assert bearer(without, best_factor) == bearer(shipped, best_factor)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"factor": "pole_angle_sin"}, "factor"),
        ({"factor": "lihgt"}, "factor"),
        ({"to": 99.0}, "to"),
        ({"to": float("nan")}, "to"),
        ({"dim": 20}, "dim"),
        ({"dim": -1}, "dim"),
        ({"seed": -1}, "seed"),
        ({"episode": 10_000}, "episode"),
        ({"context": 0}, "context"),
        ({"horizon": 0}, "horizon"),
        ({"horizon": 1_000_000}, "horizon"),
        ({"horizon": 190}, "horizon"),
        ({"step": 15}, "step"),
        ({"actions": "policy"}, "actions"),
    ],
)
def test_what_cannot_be_changed_is_refused_by_field(shipped: Checkpoint, change: dict[str, object], field: str) -> None:
    with pytest.raises(ViewError) as caught:
        replace(CounterfactualRequest("light"), **change).check(shipped)  # type: ignore[arg-type]  # wrong on purpose
    assert caught.value.field == field


def test_a_checkpoint_of_other_data_says_that_no_factor_can_be_set(world_checkpoint: Checkpoint) -> None:
    with pytest.raises(ViewError, match="no simulator"):
        counterfactual(world_checkpoint, CounterfactualRequest("light"))


def test_the_range_is_that_of_the_clip(shipped: Checkpoint) -> None:
    low, high = factor_range(shipped, "light")
    assert low < high
    assert shipped.clip.factors[..., shipped.clip.factor_names.index("light")].max() == pytest.approx(high)
