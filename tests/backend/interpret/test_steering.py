"""Steering by hand goes where a rollout with the same actions goes, one step at a time."""

import numpy as np
import pytest

from backend.data.checkpoint import Checkpoint
from backend.interpret.request import ViewError
from backend.interpret.rollout import build_rollout
from backend.interpret.rollout_request import RolloutRequest
from backend.interpret.steering import steer

ACTIONS = ((0.5, -0.5), (1.0, 0.0), (-1.0, 0.25))


def test_every_step_by_hand_is_that_of_the_rollout(world_checkpoint: Checkpoint) -> None:
    rollout = build_rollout(world_checkpoint, RolloutRequest(1, 4, 3, "given", ACTIONS)).model
    for taken in range(4):
        position = steer(world_checkpoint, 1, 4, ACTIONS[:taken])
        assert position.step == 3 + taken
        assert np.abs(position.image.astype(int) - rollout.image[position.step].astype(int)).max() <= 1
        assert position.predicted_reward == pytest.approx(rollout.predicted_reward[position.step], abs=1e-5)
        assert position.value == pytest.approx(rollout.value[position.step], abs=1e-5)


def test_the_advice_is_what_the_policy_does_next(world_checkpoint: Checkpoint) -> None:
    by_policy = build_rollout(world_checkpoint, RolloutRequest(1, 4, 2, "policy")).model
    advice = steer(world_checkpoint, 1, 4, ()).policy
    assert np.allclose(advice, by_policy.action[4], atol=1e-6)


@pytest.mark.parametrize(
    ("context", "actions", "field"),
    [
        (0, ACTIONS, "context"),
        (25, ACTIONS, "context"),
        (4, ((0.5,),), "given"),
        (4, ((0.5, float("nan")),), "given"),
        (4, ((0.5, 1.5),), "given"),
    ],
)
def test_wrong_actions_are_refused(world_checkpoint: Checkpoint, context: int, actions: object, field: str) -> None:
    with pytest.raises(ViewError) as caught:
        steer(world_checkpoint, 1, context, actions)  # type: ignore[arg-type]  # wrong on purpose
    assert caught.value.field == field


def test_a_video_model_cannot_be_steered(video_checkpoint: Checkpoint) -> None:
    with pytest.raises(ViewError, match="knows no actions"):
        steer(video_checkpoint, 1, 4, ())
