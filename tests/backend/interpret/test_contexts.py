"""The view of contexts: whose look a picture has, what it is made of, and what the states hold."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from backend.data.checkpoint import Checkpoint
from backend.data.clip import Clip
from backend.interpret.contexts import (
    MOVING,
    STILL,
    Found,
    contexts_timeline,
    others_of,
    read_from_states,
    says,
    states_of,
    way_of,
)
from backend.interpret.contexts_request import ContextsRequest
from backend.interpret.request import ViewError
from backend.interpret.rollout import build_rollout
from backend.interpret.rollout_request import RolloutRequest
from backend.interpret.traversal_request import TraversalRequest
from backend.interpret.view import build_view
from models.config import VideoModelConfig
from models.video_model import VideoModel


@pytest.fixture
def beside(video_checkpoint: Checkpoint) -> Checkpoint:
    """A random model whose decoder sees a frame, with two looks in its clip."""
    sizes = VideoModelConfig(latents=6, stoch=8, deter=16, hidden=16, kernels=(8, 8, 8, 8, 8), vision="context-vae")
    torch.manual_seed(0)
    model = VideoModel(sizes).eval().requires_grad_(False)
    clip = video_checkpoint.clip
    image = clip.image[:3].copy()
    image[1] = 255 - image[1]
    return replace(video_checkpoint, model=model, clip=replace(clip, image=image))


def two_looks() -> tuple[np.ndarray, np.ndarray]:
    """Two episodes of 3 frames, a dark and a light ground with a grey square at another place in each frame."""
    image, moving = np.full((2, 3, 16, 16, 3), 40, np.uint8), np.zeros((2, 3, 16, 16), bool)
    image[1] = 200
    for episode in range(2):
        for step in range(3):
            at = slice(4 * step, 4 * step + 4), slice(8 * episode, 8 * episode + 4)
            image[episode, step][at], moving[episode, step][at] = 120, True
    return image, moving


def test_the_way_is_1_if_the_context_decides_0_if_the_state_does_and_half_in_between() -> None:
    image, moving = two_looks()
    swapped = np.where(moving[0][..., None], image[0], 200).astype(np.uint8)  # the square on the other ground
    for picture, still in ((swapped, 1.0), (image[0], 0.0), (np.where(moving[0][..., None], 120, 120), 0.5)):
        way = way_of(picture.astype(np.uint8), image, moving, 0, 1)
        np.testing.assert_allclose(way.still, still, atol=1e-6)
        np.testing.assert_allclose(way.moving, 0, atol=1e-6)
    np.testing.assert_allclose(way_of(np.full_like(image[0], 200), image, moving, 0, 1).moving, 1, atol=1e-6)


def test_episodes_that_look_alike_have_no_way() -> None:
    image, moving = two_looks()
    image[1] = np.where(moving[1][..., None], 120, 43)
    assert np.isnan(way_of(image[0], image, moving, 0, 1).still).all()


def test_the_sentence_says_who_decides_and_when_nothing_can_be_told() -> None:
    assert "0.93 of the way" in says(Found(0.93, 0.04)) and "the context draws it" in says(Found(0.93, 0.04))
    assert "it comes from the state" in says(Found(0.93, 0.04))
    assert "the state still holds most of it" in says(Found(0.2, 0.04))
    assert "painted over" in says(Found(0.93, 0.8))
    assert "look alike" in says(Found(float("nan"), 0.0))
    assert "Nothing that moves" in says(Found(0.9, float("nan")))


def test_rows_are_the_same_states_beside_the_own_frame_and_those_of_others(beside: Checkpoint) -> None:
    timeline = contexts_timeline(beside, ContextsRequest(1, 2), "x")
    titles = ["episode", "own context", "episode 0", "beside episode 0", "episode 2", "beside episode 2"]
    assert [strip.title for strip in timeline.strips] == titles
    assert np.array_equal(timeline.strips[0].frames, beside.clip.image[1])
    assert np.array_equal(timeline.strips[2].frames[3], beside.clip.image[0, 0])
    own, other = timeline.strips[1].frames, timeline.strips[3].frames
    assert own.shape == other.shape and not np.array_equal(own, other)
    assert list(timeline.curves["Way to the other episode (0: own, 1: context)"]) == [STILL, MOVING]
    assert timeline.facts["says"] and json.loads(timeline.settings)["view"] == {"episode": 1, "count": 2}
    again = contexts_timeline(beside, ContextsRequest(1, 2), "x")
    assert np.array_equal(again.strips[3].frames, other), "nothing is drawn anew"


def test_other_views_draw_beside_the_frame_that_they_start_from(beside: Checkpoint) -> None:
    request = RolloutRequest(0, 4, 4)
    before = build_rollout(beside, request).model.image
    context = torch.from_numpy(beside.clip.image[0, 3]).movedim(-1, 0).float() / 255 - 0.5
    with torch.inference_mode():
        feature = states_of(beside).feature[0, 3]
        expected = beside.model.in_context(context).decode(feature[None])
    np.testing.assert_allclose(before[3], ((expected[0] + 0.5) * 255).clamp(0, 255).movedim(0, -1).round(), atol=1)
    view = build_view(beside, TraversalRequest(frame=3))
    assert np.abs(view.reconstruction.astype(int) - before[3]).max() <= 1
    assert build_view(beside, TraversalRequest(base="prior")).images.shape[0] > 0


def test_factors_that_the_states_hold_are_read_and_others_are_not() -> None:
    rng = np.random.default_rng(0)
    feature = rng.normal(size=(12, 20, 16))
    factors = np.stack([feature[..., :3].sum(-1), rng.normal(size=(12, 20)), np.ones((12, 20))], -1)
    clip = Clip(
        np.zeros((12, 20, 1, 1, 3), np.uint8), factors[..., :0], factors[..., 0], factors, ("held", "not", "one")
    )
    found = {row["factor"]: row["r2"] for row in read_from_states(feature, clip)}
    assert found.keys() == {"held", "not"} and found["held"] > 0.9 and found["not"] < 0.2
    assert read_from_states(feature[:4], clip) == []


def test_the_frames_beside_are_of_other_episodes_spread_over_the_clip() -> None:
    assert others_of(0, 12, 3) == [1, 6, 11]
    assert others_of(1, 3, 6) == [0, 2]


@pytest.mark.parametrize("request_", [ContextsRequest(99), ContextsRequest(0, 0), ContextsRequest(0, 7)])
def test_what_cannot_be_drawn_is_refused(beside: Checkpoint, request_: ContextsRequest) -> None:
    with pytest.raises(ViewError):
        contexts_timeline(beside, request_, "x")


def test_a_model_without_a_context_and_a_clip_of_one_episode_are_refused(
    beside: Checkpoint, video_checkpoint: Checkpoint
) -> None:
    with pytest.raises(ViewError, match="draws its states alone"):
        contexts_timeline(video_checkpoint, ContextsRequest(), "x")
    one = replace(beside, clip=replace(beside.clip, image=beside.clip.image[:1]))
    with pytest.raises(ViewError, match="has one episode"):
        contexts_timeline(one, ContextsRequest(), "x")
