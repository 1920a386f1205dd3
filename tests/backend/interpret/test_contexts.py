"""The view of contexts: whose look a picture has, what it is made of, and what the states hold."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from backend.data.checkpoint import Checkpoint
from backend.data.clip import Clip
from backend.interpret import contexts
from backend.interpret.contexts import (
    CHART,
    FRAME,
    MOTION,
    STATE,
    Found,
    contexts_timeline,
    others_of,
    read_from_states,
    says,
    share_shown,
    shares_of,
    states_of,
)
from backend.interpret.contexts_request import ContextsRequest
from backend.interpret.request import ViewError
from backend.interpret.rollout import build_rollout
from backend.interpret.rollout_request import RolloutRequest
from backend.interpret.traversal_request import TraversalRequest
from backend.interpret.view import Picture, build_view
from models.config import VideoModelConfig
from models.types import State
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


GROUND, SQUARE = (40, 200), 120


def drawn(ground: int, episode: int, steps: int = 4) -> Picture:
    """A grey square on a ground, at another place in each frame."""
    image = np.full((steps, 16, 16, 3), ground, np.uint8)
    for step in range(steps):
        image[step, 4 * step : 4 * step + 4, 8 * episode : 8 * episode + 4] = SQUARE
    return image


@pytest.mark.parametrize(("frame", "state"), [(1.0, 0.0), (0.0, 1.0), (0.5, 0.5), (0.0, 0.0)])
def test_shares_say_whether_frame_or_state_decides_what_stays_still(
    frame: float, state: float, video_checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A perfect drawer of the square, whose ground is mixed from the frame's and the state's."""

    def draw(_checkpoint: Checkpoint, _states: State, episode: int, other: int) -> Picture:
        middle = (1 - frame - state) * 120
        return drawn(round(frame * GROUND[other] + state * GROUND[episode] + middle), episode)

    monkeypatch.setattr(contexts, "drawn_beside", draw)
    image = np.stack([drawn(GROUND[0], 0), drawn(GROUND[1], 1)])
    there = replace(video_checkpoint, clip=replace(video_checkpoint.clip, image=image, agent=None))
    still = ~(image == SQUARE).all(-1).any(1)
    states = State(torch.zeros(2, 4, 1), torch.zeros(2, 4, 1))
    found = shares_of(there, states, still, 0, 1)
    np.testing.assert_allclose(found.frame, frame, atol=0.01)
    np.testing.assert_allclose(found.state, state, atol=0.01)
    if not frame:
        ground = state * GROUND[0] + (1 - state) * 120
        np.testing.assert_allclose(found.motion, (SQUARE - ground) / (SQUARE - GROUND[0]), atol=0.01)


def test_episodes_that_look_alike_have_no_share() -> None:
    image = drawn(40, 0)
    assert np.isnan(share_shown(image, image, image, drawn(41, 0), np.ones((4, 16, 16), bool))).all()


def test_the_sentence_says_who_decides_and_when_nothing_can_be_told() -> None:
    assert "by 0.93 and the state by 0.04" in says(Found(0.93, 0.04, 0.5))
    assert "the frame decides" in says(Found(0.93, 0.04, 0.5)) and "0.50 is drawn" in says(Found(0.93, 0.04, 0.5))
    assert "the state still holds" in says(Found(0.1, 0.6, 0.5))
    assert "both have a part" in says(Found(0.5, 0.4, 0.5))
    assert "hardly any difference" in says(Found(0.05, 0.02, 0.0))
    assert "look alike" in says(Found(float("nan"), float("nan"), 0.2))
    assert "motion" not in says(Found(0.9, 0.0, float("nan")))
    spread = np.array([[0.9, 0.96], [0.01, 0.08], [-0.004, 0.6]])
    assert "by 0.93 [0.90, 0.96] and the state by 0.04 [0.01, 0.08]" in says(Found(0.93, 0.04, 0.5, spread))
    assert "0.50 [0.00, 0.60]" in says(Found(0.93, 0.04, 0.5, spread))


def test_rows_are_the_same_states_beside_the_own_frame_and_those_of_others(beside: Checkpoint) -> None:
    timeline = contexts_timeline(beside, ContextsRequest(1, 2), "x")
    titles = ["episode", "own context", "episode 0", "beside episode 0", "episode 2", "beside episode 2"]
    assert [strip.title for strip in timeline.strips] == titles
    assert np.array_equal(timeline.strips[0].frames, beside.clip.image[1])
    assert np.array_equal(timeline.strips[2].frames[3], beside.clip.image[0, 0])
    own, other = timeline.strips[1].frames, timeline.strips[3].frames
    assert own.shape == other.shape and not np.array_equal(own, other)
    assert list(timeline.curves[CHART]) == [FRAME, STATE, MOTION]
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
