"""The view of imitation: rows and likeness of one episode, and what a checkpoint must have for it."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from backend.data.checkpoint import Checkpoint
from backend.interpret.imitation import imitation
from backend.interpret.imitation_request import ImitationRequest
from backend.interpret.request import ViewError

REQUEST = ImitationRequest(1, 4, 6)


def test_what_is_observed_is_the_experts_and_what_follows_is_the_policys_own(world_checkpoint: Checkpoint) -> None:
    timeline = imitation(world_checkpoint, REQUEST).timeline("x")
    assert [strip.title for strip in timeline.strips] == ["episode", "policy", "same actions"]
    assert np.array_equal(timeline.strips[0].frames, world_checkpoint.clip.image[1, :10])
    assert np.array_equal(timeline.strips[1].frames[:4], timeline.strips[2].frames[:4])
    alike = timeline.curves["Likeness to the recorded state"]
    assert list(alike) == ["policy", "same actions", "other episodes"]
    for name in ("policy", "same actions"):
        assert alike[name][:4] == pytest.approx([1.0] * 4, abs=1e-5)
        assert timeline.facts["distances"][name] == pytest.approx(1 - float(alike[name][-1] or 0), abs=1e-4)
    action = timeline.curves["Distance of the action from the recorded one"]["policy"]
    assert action[:4] == [None] * 4 and all(value is not None and value >= 0 for value in action[4:])
    assert json.loads(timeline.settings)["view"] == REQUEST.to_json()


def test_a_policy_that_does_what_was_recorded_is_as_near_as_the_same_actions(world_checkpoint: Checkpoint) -> None:
    actor_critic = world_checkpoint.actor_critic
    assert actor_critic is not None
    clip = world_checkpoint.clip
    last = actor_critic.actor[-1]
    assert isinstance(last, torch.nn.Linear)
    with torch.no_grad():
        before = last.weight.clone()
        last.weight.zero_()
        constant = torch.tanh(last.bias[: clip.action.shape[2]])
    steady = replace(clip, action=np.broadcast_to(constant.numpy(), clip.action.shape).copy())
    alike = imitation(replace(world_checkpoint, clip=steady), REQUEST).alike
    with torch.no_grad():
        last.weight.copy_(before)
    np.testing.assert_allclose(alike["policy"], alike["same actions"], atol=1e-5)


def test_what_cannot_be_shown_is_refused(world_checkpoint: Checkpoint, video_checkpoint: Checkpoint) -> None:
    with pytest.raises(ViewError, match="has no policy"):
        imitation(video_checkpoint, REQUEST)
    length = world_checkpoint.clip.image.shape[1]
    for request in (ImitationRequest(99), ImitationRequest(0, length), ImitationRequest(0, 4, length)):
        with pytest.raises(ViewError):
            imitation(world_checkpoint, request)
