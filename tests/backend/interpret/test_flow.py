"""The view of flow: the way of each pixel in colour, where it is confident, and how far it is from the true one."""

import copy
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from backend.data.checkpoint import Checkpoint, load_checkpoint, read_info, save_checkpoint
from backend.data.import_checks import check_content
from backend.interpret.flow import COLOURS, ERROR, FLOW, STILL, flow_timeline
from backend.interpret.flow_errors import errors, unlike
from backend.interpret.flow_request import FlowRequest
from backend.interpret.request import ViewError
from backend.interpret.wheel import STRIPE, hues, overlaid, unsure
from models.flow import FlowNetwork
from models.video_model import VideoModel

RIGHT = 3.0


class Rightwards(FlowNetwork):
    """Says of everything that it moves three pixels to the right."""

    def forward(self, first: Tensor, _second: Tensor) -> Tensor:
        """(N, 3, H, W) twice -> (N, 2, H, W)."""
        return torch.tensor([RIGHT, 0.0]).view(1, 2, 1, 1).expand(len(first), 2, *first.shape[-2:])


@pytest.fixture
def moved(video_checkpoint: Checkpoint) -> Checkpoint:
    """A clip in which all moves to the right, and whose first row of pixels is hidden next."""
    model, image = copy.deepcopy(video_checkpoint.model), video_checkpoint.clip.image
    assert isinstance(model, VideoModel)
    model.flow = Rightwards(2)
    true = np.zeros((*image.shape[:4], 3), np.float16)
    true[..., 0] = RIGHT
    true[:, :, 0, :, 2] = 1
    return replace(video_checkpoint, model=model, clip=replace(video_checkpoint.clip, flow=true))


def test_a_true_flow_has_no_error_where_standing_still_is_off_by_the_way(moved: Checkpoint) -> None:
    timeline = flow_timeline(moved, FlowRequest(1), "x")
    assert [strip.title for strip in timeline.strips] == ["episode", "flow", "true flow", "confidence", "model"]
    steps = moved.clip.image.shape[1] - 1
    assert timeline.steps == steps and np.array_equal(timeline.strips[0].frames, moved.clip.image[1, :-1])
    assert timeline.curves[ERROR] == {FLOW: [0.0] * steps, STILL: [RIGHT] * steps}
    assert (timeline.strips[1].frames == (255, 0, 0)).all(), "to the right is red"
    hatched = timeline.strips[2].frames == np.array(STRIPE)
    assert hatched.all(-1)[:, 0].mean() == 0.5 and not hatched.all(-1)[:, 1:].any()
    flow, still = timeline.facts["errors"]
    assert (flow["everywhere"]["mean"], still["moving"]["mean"], still["hidden"]["mean"]) == (0.0, RIGHT, RIGHT)
    assert flow["moving"]["interval"] is None and "too few for an interval" in timeline.facts["says"]
    assert "off by 0.00 pixels over 3 episodes; standing still would be off by 3.00" in timeline.facts["says"]
    assert json.loads(timeline.settings)["view"] == {"episode": 1}


def test_without_a_true_flow_it_says_how_alike_the_frames_are_and_where_the_truth_comes_from(moved: Checkpoint) -> None:
    timeline = flow_timeline(replace(moved, clip=replace(moved.clip, flow=None)), FlowRequest(0), "x")
    assert "true flow" not in [strip.title for strip in timeline.strips] and timeline.facts["errors"] == []
    assert set(timeline.curves) == {COLOURS}
    assert "--set true_flow=true" in timeline.facts["says"] and "it guesses" in timeline.facts["says"]


def test_many_episodes_have_an_interval_that_says_no_better_where_nothing_was_learned(moved: Checkpoint) -> None:
    clip = moved.clip
    assert clip.flow is not None
    many = {name: np.repeat(getattr(clip, name)[:1], 6, 0) for name in ("image", "action", "reward", "factors", "flow")}
    right = flow_timeline(replace(moved, clip=replace(clip, **many)), FlowRequest(0), "x").facts["says"]
    assert "95% of the difference are 3.00 to 3.00 pixels." in right
    wrong = many | {"flow": -many["flow"]}
    said = flow_timeline(replace(moved, clip=replace(clip, **wrong)), FlowRequest(0), "x").facts["says"]
    assert "off by 6.00" in said and "no better than standing still" in said


def test_errors_tell_moving_pixels_from_hidden_and_still_ones() -> None:
    true = np.zeros((1, 4, 4, 3), np.float16)
    true[0, 0, :, 0], true[0, 1, :, 2] = 2, 1
    found = errors(np.zeros((1, 4, 4, 2), np.float32), true)
    assert found == (0.5, 2.0, 0.0)
    assert np.isnan(errors(np.zeros((1, 4, 4, 2), np.float32), 0 * true).moving)


def test_a_picture_moved_along_its_flow_is_the_one_before() -> None:
    first = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    image = np.stack([first, np.roll(first, 2, 1)])
    flow = np.zeros((1, 64, 64, 2), np.float32)
    still = unlike(flow, image)
    flow[..., 0] = 2
    assert unlike(flow, image) < still / 10


def test_each_direction_has_its_colour_and_what_stands_still_is_grey() -> None:
    angle = np.array([0, np.pi / 2, np.pi, -np.pi / 2], np.float32)
    np.testing.assert_allclose(hues(angle), [[1, 0, 0], [0.5, 1, 0], [0, 1, 1], [0.5, 0, 1]], atol=1e-5)
    image = np.full((1, 8, 8, 3), 200, np.uint8)
    grey = overlaid(image, np.zeros((1, 8, 8, 2), np.float32), 4.0)
    assert (grey == grey[..., :1]).all() and not (unsure(image, np.zeros((1, 8, 8), bool)) != image).any()


def test_what_has_no_flow_is_refused_in_one_sentence(video_checkpoint: Checkpoint, moved: Checkpoint) -> None:
    with pytest.raises(ViewError, match="has no network of optical flow"):
        flow_timeline(video_checkpoint, FlowRequest(0), "x")
    with pytest.raises(ViewError, match="episode"):
        flow_timeline(moved, FlowRequest(99), "x")
    single = replace(moved.clip, image=moved.clip.image[:, :1])
    with pytest.raises(ViewError, match="nothing moves in them"):
        flow_timeline(replace(moved, clip=single), FlowRequest(0), "x")


def test_the_network_and_the_true_flow_travel_with_a_checkpoint(moved: Checkpoint, tmp_path: Path) -> None:
    assert isinstance(moved.model, VideoModel)
    model = VideoModel(replace(moved.model.config, flow_units=4))
    about, folder = {**moved.info.config, "steps": 3}, tmp_path / "flowing"
    save_checkpoint(folder, model=model, actor_critic=None, config=about, clip=moved.clip, statistics=moved.statistics)
    check_content(folder)
    loaded = load_checkpoint(read_info(folder, "flowing", "import"))
    assert loaded.flow is not None and loaded.clip.flow is not None and moved.clip.flow is not None
    np.testing.assert_array_equal(loaded.clip.flow, moved.clip.flow)
    assert flow_timeline(loaded, FlowRequest(0), "x").steps == len(moved.clip.image[0]) - 1
