"""A traversal shows only the effect of the edit, from the requested frame."""

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from backend.data.checkpoint import Checkpoint
from backend.data.clip import Clip
from backend.interpret.base import BaseFrames
from backend.interpret.request import ViewError
from backend.interpret.traversal_request import TraversalRequest
from backend.interpret.view import build_atlas, build_view, tile
from models.traversal import anchor_at, edited_latents
from models.types import normalise, to_uint8


def test_rows_are_the_active_dimensions_by_kl_and_the_others_are_counted(video_checkpoint: Checkpoint) -> None:
    view = build_view(video_checkpoint, TraversalRequest())
    assert view.dims == (3, 2, 0, 5)
    assert view.inactive == (1, 4)
    assert view.kl.tolist() == [2.0, 1.0, 0.5, 0.2]
    assert view.names == ("dim 3", "dim 2", "dim 0", "dim 5")


def test_chosen_dimensions_keep_their_order(video_checkpoint: Checkpoint) -> None:
    view = build_view(video_checkpoint, TraversalRequest(dims=(4, 0)))
    assert view.dims == (4, 0)
    assert view.images.shape == (2, 7, 64, 64, 3)


@pytest.mark.parametrize("base", ["clip", "prior"])
def test_a_cell_at_the_value_of_the_frame_is_the_reconstruction(video_checkpoint: Checkpoint, base: str) -> None:
    view = build_view(video_checkpoint, TraversalRequest(mode="offset", base=base, episode=1, frame=5))
    centre = view.images[:, 3].astype(int)
    assert np.abs(centre - view.reconstruction.astype(int)).max() <= 1
    assert [view.mark(row).column for row in range(len(view.dims))] == pytest.approx([3] * len(view.dims))


def test_values_are_told_in_sigma_of_the_data_and_the_frame_is_marked_where_it_lies(
    video_checkpoint: Checkpoint,
) -> None:
    view = build_view(video_checkpoint, TraversalRequest(columns=5, edits={2: 0.25}))
    known = video_checkpoint.statistics
    assert np.allclose(view.sigmas, [[-2, -1, 0, 1, 2]] * 4)
    for row, dim in enumerate(view.dims):
        mark = view.mark(row)
        assert mark.sigma == pytest.approx((mark.value - known.mean[dim]) / known.std[dim])
        assert mark.column == pytest.approx(mark.sigma + 2)
    held = view.held(1)
    assert view.held(0) is None
    assert held is not None
    assert held.value == 0.25
    assert view.mark(1).value != 0.25, "the mark is the frame's own value, whatever is held"


def test_the_frame_is_the_middle_one_unless_one_asks(video_checkpoint: Checkpoint) -> None:
    length = video_checkpoint.clip.image.shape[1]
    view = build_view(video_checkpoint, TraversalRequest())
    assert view.request.frame == length // 2
    assert np.array_equal(view.original, video_checkpoint.clip.image[0, length // 2])
    assert build_view(video_checkpoint, TraversalRequest(frame=0)).request.frame == 0


def test_a_row_changes_its_own_dimension_of_the_input_alone(video_checkpoint: Checkpoint) -> None:
    image = normalise(torch.from_numpy(video_checkpoint.clip.image[0]))
    anchor = anchor_at(video_checkpoint.model, image, 4)
    view = build_view(video_checkpoint, TraversalRequest(frame=4))
    latents = edited_latents(anchor, view.dims, torch.from_numpy(view.values).float())
    for row, dim in enumerate(view.dims):
        moved = (latents[row] != anchor.latent).any(dim=0)
        assert moved.nonzero().flatten().tolist() == [dim]


def test_no_row_depends_on_the_rows_above_it(video_checkpoint: Checkpoint) -> None:
    together = build_view(video_checkpoint, TraversalRequest(dims=(0, 2, 5)))
    alone = build_view(video_checkpoint, TraversalRequest(dims=(5,)))
    assert np.abs(together.images[2].astype(int) - alone.images[0].astype(int)).max() <= 1


def test_edits_move_the_whole_grid_and_the_reconstruction(video_checkpoint: Checkpoint) -> None:
    unedited = build_view(video_checkpoint, TraversalRequest(dims=(0,)))
    edited = build_view(video_checkpoint, TraversalRequest(dims=(0, 2), edits={2: 30.0}))
    assert edited.reference[2] == 30
    assert not np.array_equal(unedited.reconstruction, edited.reconstruction)
    assert np.array_equal(unedited.original, edited.original)


def test_the_same_request_gives_the_same_pictures(video_checkpoint: Checkpoint) -> None:
    first, second = (build_view(video_checkpoint, TraversalRequest(frame=7)) for _ in range(2))
    assert np.array_equal(first.images, second.images)
    assert first.settings == second.settings


def test_frames_after_the_base_frame_have_no_part_in_it(world_checkpoint: Checkpoint) -> None:
    before = build_view(world_checkpoint, TraversalRequest(frame=6))
    clip = world_checkpoint.clip
    later = clip.image.copy()
    later[:, 7:] = 255
    world_checkpoint.clip = Clip(later, clip.action, clip.reward, clip.factors, clip.factor_names)
    assert np.array_equal(before.images, build_view(world_checkpoint, TraversalRequest(frame=6)).images)


def test_history_matters_only_when_it_is_asked_for(world_checkpoint: Checkpoint) -> None:
    with_history = build_view(world_checkpoint, TraversalRequest(frame=6))
    without = build_view(world_checkpoint, TraversalRequest(frame=6, history=False))
    assert np.allclose(with_history.reference, without.reference, atol=1e-5)
    alone = BaseFrames(world_checkpoint.clip.image[0, 6:7])
    first = build_view(world_checkpoint, TraversalRequest(base="picture"), alone)
    assert np.abs(first.images.astype(int) - without.images.astype(int)).max() <= 1


def test_a_picture_of_the_user_is_the_base(video_checkpoint: Checkpoint) -> None:
    picture = video_checkpoint.clip.image[2, 3]
    view = build_view(video_checkpoint, TraversalRequest(base="picture"), BaseFrames(picture[None]))
    assert np.array_equal(view.original, picture)
    with pytest.raises(ViewError, match="no frames of the picture"):
        build_view(video_checkpoint, TraversalRequest(base="picture"))
    with pytest.raises(ViewError, match="needed is uint8"):
        BaseFrames(picture[:32])


def test_the_prior_has_no_frame_so_the_reconstruction_stands_for_it(video_checkpoint: Checkpoint) -> None:
    view = build_view(video_checkpoint, TraversalRequest(base="prior"))
    assert np.array_equal(view.original, view.reconstruction)
    assert (view.reference == 0).all()


def test_the_footprint_is_where_the_row_changes(video_checkpoint: Checkpoint) -> None:
    view = build_view(video_checkpoint, TraversalRequest(mode="fixed", extent=60, dims=(0,)))
    spread = np.ptp(view.images[0].astype(float) / 255, axis=0).mean(axis=-1)
    assert view.footprint.shape == (1, 64, 64)
    assert np.abs(view.footprint[0] - spread).max() < 0.01


def test_an_atlas_holds_every_dimension_by_kl(video_checkpoint: Checkpoint) -> None:
    atlas = build_atlas(video_checkpoint, TraversalRequest(columns=5))
    assert atlas.view.dims == (3, 2, 0, 5, 1, 4)
    assert atlas.image.shape == (6 * 64, 5 * 64, 3)
    assert np.array_equal(atlas.image[64:128, 128:192], atlas.view.images[1, 2])
    assert np.array_equal(tile(atlas.view.images), atlas.image)


def test_settings_in_files_reopen_the_view(video_checkpoint: Checkpoint) -> None:
    asked = TraversalRequest(frame=3, dims=(5, 0), mode="offset", extent=4.5, columns=3, edits={2: -1.5}, history=False)
    metadata = json.loads(build_view(video_checkpoint, asked).settings)
    assert TraversalRequest.read(metadata["view"]) == asked
    assert metadata["checkpoint"] == "tiny-video"
    assert len(metadata["weights"]) == 64


def test_pictures_are_those_of_the_model(video_checkpoint: Checkpoint) -> None:
    """The reconstruction of a first frame, by hand."""
    model = video_checkpoint.model
    image = normalise(torch.from_numpy(video_checkpoint.clip.image[:1, :1]))
    with torch.no_grad():
        observed = model.observe(model.encode(image).mean)
        by_hand = to_uint8(model.decode(observed.states.feature))[0, 0].numpy()
    view = build_view(video_checkpoint, TraversalRequest(frame=0))
    assert np.abs(view.reconstruction.astype(int) - by_hand.astype(int)).max() <= 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"dims": (6,)}, "dims"),
        ({"dims": (-1,)}, "dims"),
        ({"dims": (1.5,)}, "dims"),
        ({"dims": (True,)}, "dims"),
        ({"dims": (2, 2)}, "dims"),
        ({"dims": ()}, "dims"),
        ({"extent": float("nan")}, "range"),
        ({"extent": -1.0}, "range"),
        ({"extent": 0.0}, "range"),
        ({"extent": float("inf")}, "range"),
        ({"columns": 0}, "columns"),
        ({"columns": 4}, "columns"),
        ({"columns": 1_000_001}, "columns"),
        ({"columns": True}, "columns"),
        ({"frame": 24}, "frame"),
        ({"episode": -1}, "episode"),
        ({"mode": "magic"}, "mode"),
        ({"base": "dream"}, "base"),
        ({"edits": {9: 0.0}}, "edits"),
        ({"edits": {0: float("nan")}}, "edits"),
    ],
)
def test_what_cannot_be_shown_is_refused_by_field(
    video_checkpoint: Checkpoint, change: dict[str, object], field: str
) -> None:
    with pytest.raises(ViewError) as caught:
        build_view(video_checkpoint, replace(TraversalRequest(), **change))  # type: ignore[arg-type]  # wrong on purpose
    assert caught.value.field == field


def test_unknown_keys_of_a_view_are_refused() -> None:
    with pytest.raises(ViewError, match="colums"):
        TraversalRequest.read({"colums": 7})


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"edits": {3: 5_000.0}}, "edits: the value of dimension 3 goes from -1000 to 1000; 5000.0 lies outside"),
        ({"edits": {3: math.nan}}, "edits: input should be a finite number, got nan"),
        ({"extent": 21.0}, "range: the range of mode sigma goes from 0 to 20; 21.0 lies outside"),
        ({"dims": (9,)}, "dims: there is no dimension 9; take 0 to 5"),
        ({"frame": 24}, "frame: there is no frame 24; take 0 to 23"),
        ({"episode": True}, "episode: input should be a valid integer, got True"),
    ],
)
def test_a_refusal_names_what_the_number_is_and_what_it_may_be(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ViewError) as caught:
        TraversalRequest(**wrong).check(latents=6, episodes=3, frames=24)
    assert str(caught.value) == sentence
