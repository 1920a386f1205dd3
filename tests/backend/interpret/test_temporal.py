"""A dimension held over time: each row is the future after one edit; all else equals the unedited rollout."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from backend.data.checkpoint import Checkpoint, Label, write_label
from backend.interpret.fields import Edit
from backend.interpret.request import ViewError
from backend.interpret.rollout import build_rollout
from backend.interpret.temporal import temporal_traversal
from backend.interpret.temporal_request import TemporalRequest
from models.types import normalise

REQUEST = TemporalRequest(episode=1, context=5, horizon=10, dims=(3, 0))


def test_each_row_holds_one_dimension_from_the_context_on(video_checkpoint: Checkpoint) -> None:
    grid = temporal_traversal(video_checkpoint, REQUEST)
    statistics = video_checkpoint.statistics
    assert np.allclose(grid.values, (statistics.mean + 2 * statistics.std)[[3, 0]])
    for row, dim in enumerate((3, 0)):
        edit = Edit(dim, float(grid.values[row]), 5, True)
        alone = build_rollout(video_checkpoint, replace(REQUEST.rollout, edits=(edit,))).edited
        assert alone is not None
        assert grid.rows[row].image.shape == (15, 64, 64, 3)
        assert np.abs(grid.rows[row].image.astype(int) - alone.image.astype(int)).max() <= 1


def test_nothing_differs_before_the_step_and_something_does_from_it_on(world_checkpoint: Checkpoint) -> None:
    grid = temporal_traversal(world_checkpoint, replace(REQUEST, step=9, sigmas=15.0))
    untouched = grid.untouched.model
    for row in grid.rows:
        assert np.allclose(row.value[:9], untouched.value[:9], atol=1e-6)
        assert (np.abs(row.value[9:] - untouched.value[9:]) > 1e-5).all()
    change = grid.timeline("x").curves["Change in grey levels"]
    assert all(max(line[:9]) <= 0.01 for line in change.values())  # type: ignore[type-var]  # there are no gaps


@torch.no_grad()
def test_a_dimension_held_at_the_value_that_it_has_leaves_that_step_as_it_was(world_checkpoint: Checkpoint) -> None:
    own = world_checkpoint.model.encode(normalise(torch.from_numpy(world_checkpoint.clip.image[1, 4]))).mean
    grid = temporal_traversal(world_checkpoint, replace(REQUEST, dims=None, step=4, hold={2: float(own[2])}))
    assert [label.dim for label in grid.labels] == [2]
    assert np.allclose(grid.rows[0].value[4], grid.untouched.model.value[4], atol=1e-6)


def test_two_dimensions_of_one_name_have_a_line_each(own_checkpoint: Checkpoint) -> None:
    for dim in (3, 0):
        write_label(own_checkpoint.info, dim, Label("hip angle"))
    timeline = temporal_traversal(own_checkpoint, REQUEST).timeline("x")
    assert list(timeline.curves["Change in grey levels"]) == ["dim 3: hip angle", "dim 0: hip angle"]


def test_all_of_them_at_once_is_one_more_row(video_checkpoint: Checkpoint) -> None:
    asked = replace(REQUEST, together=True)
    grid = temporal_traversal(video_checkpoint, asked)
    edits = tuple(Edit(dim, float(value), 5, True) for dim, value in zip((3, 0), grid.values, strict=True))
    both = build_rollout(video_checkpoint, replace(REQUEST.rollout, edits=edits)).edited
    assert both is not None
    assert len(grid.rows) == 3
    assert np.abs(grid.rows[2].image.astype(int) - both.image.astype(int)).max() <= 1
    assert [strip.title for strip in grid.timeline("x").strips] == ["untouched", "dim 3", "dim 0", "all together"]


def test_without_a_choice_the_dimensions_that_carry_most_come_first(video_checkpoint: Checkpoint) -> None:
    grid = temporal_traversal(video_checkpoint, TemporalRequest(context=3, horizon=2))
    assert [label.dim for label in grid.labels] == [3, 2, 0, 5]  # 1 and 4 are inactive


def test_the_same_request_gives_the_same_bytes(world_checkpoint: Checkpoint) -> None:
    first, second = (temporal_traversal(world_checkpoint, REQUEST) for _ in range(2))
    assert [row.image.tobytes() for row in first.rows] == [row.image.tobytes() for row in second.rows]


def test_settings_reopen_the_traversal(world_checkpoint: Checkpoint) -> None:
    asked = replace(REQUEST, step=7, together=True, hold={1: -1.5}, sigmas=-1.0)
    metadata = json.loads(temporal_traversal(world_checkpoint, asked).settings)
    assert metadata["diswm"] == "temporal"
    assert TemporalRequest.read(metadata["view"]) == asked


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"dims": (6,)}, "dims"),
        ({"dims": (-1,)}, "dims"),
        ({"dims": (1, 1)}, "dims"),
        ({"dims": ()}, "dims"),
        ({"step": 15}, "step"),
        ({"step": -1}, "step"),
        ({"sigmas": float("nan")}, "sigmas"),
        ({"sigmas": 21.0}, "sigmas"),
        ({"hold": {6: 1.0}}, "hold"),
        ({"hold": {1: float("inf")}}, "hold"),
        ({"horizon": 0}, "horizon"),
        ({"actions": "policy", "horizon": 30}, "actions"),
    ],
)
def test_what_cannot_be_held_is_refused_by_field(
    video_checkpoint: Checkpoint, change: dict[str, object], field: str
) -> None:
    with pytest.raises(ViewError) as caught:
        temporal_traversal(video_checkpoint, replace(REQUEST, **change))  # type: ignore[arg-type]  # wrong on purpose
    assert caught.value.field == field
