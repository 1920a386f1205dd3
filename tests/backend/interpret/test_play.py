"""A play takes the steps of a rollout one at a time, beside an environment that takes the same actions."""

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.data.checkpoint import Checkpoint
from backend.data.clip import Clip
from backend.envs.protocol import Step
from backend.interpret.fields import Edit
from backend.interpret.play import MOST_STEPS, Play, can_play
from backend.interpret.request import ViewError
from backend.interpret.rollout import build_rollout
from backend.interpret.rollout_request import RolloutRequest

CONTEXT = 4


class ClipWorld:
    """An environment that replays an episode of a clip whatever the actions, as a rollout observes it."""

    def __init__(self, clip: Clip) -> None:
        self.clip, self.episode, self.step_number = clip, 0, 0
        self.factor_names, self.action_size = clip.factor_names, clip.action.shape[2]
        self.taken: list[NDArray[np.float32]] = []

    def reset(self, seed: int) -> Step:
        self.episode, self.step_number = seed, -1
        return self._next()

    def step(self, action: NDArray[np.float32]) -> Step:
        self.taken.append(action)
        return self._next()

    def _next(self) -> Step:
        self.step_number += 1
        at = self.episode, self.step_number
        last = self.step_number == self.clip.image.shape[1] - 1
        reward, factors = float(self.clip.reward[at]), self.clip.factors[at]
        return Step(self.clip.image[at], reward, 1.0, self.step_number == 0, last, False, factors)


@pytest.fixture
def play(world_checkpoint: Checkpoint) -> Play:
    return Play(world_checkpoint, ClipWorld(world_checkpoint.clip))


def watched(play: Play) -> None:
    """The play after the context of a rollout, its actions done."""
    play.begin(1)
    for action in play.checkpoint.clip.action[1, 1:CONTEXT]:
        play.go(action.tolist(), looks=True, edits={})


def test_steps_are_those_of_the_rollout_with_the_same_actions(play: Play) -> None:
    ACTIONS = ((0.5, -0.5), (1.0, 0.0), (-1.0, 0.25))
    rollout = build_rollout(play.checkpoint, RolloutRequest(1, CONTEXT, 3, "given", ACTIONS)).model
    watched(play)
    for action in ACTIONS:
        play.go(list(action), looks=False, edits={})
    assert [moment.looked for moment in play.moments] == [True] * CONTEXT + [False] * 3
    for moment, image, reward, value in zip(
        play.moments, rollout.image, rollout.predicted_reward, rollout.value, strict=True
    ):
        assert np.abs(moment.model.astype(int) - image.astype(int)).max() <= 1
        assert moment.predicted_reward == pytest.approx(reward, abs=1e-5)
        assert moment.value == pytest.approx(value, abs=1e-5)
    assert np.array_equal(play.moments[2].real, play.checkpoint.clip.image[1, 2])


def test_the_policy_drives_as_in_a_rollout_by_the_policy(play: Play) -> None:
    by_policy = build_rollout(play.checkpoint, RolloutRequest(1, CONTEXT, 2, "policy")).model
    watched(play)
    for step in range(2):
        moment = play.go(None, looks=False, edits={})
        assert np.allclose(moment.action, by_policy.action[CONTEXT + step], atol=1e-5)
    assert np.allclose(play.world.taken[-1], by_policy.action[-1], atol=1e-5)  # type: ignore[attr-defined]


def test_a_held_dimension_moves_what_is_imagined_as_an_edit_of_a_rollout_does(play: Play) -> None:
    actions = ((0.0, 0.0), (0.0, 0.0))
    edit = Edit(3, 2.5, CONTEXT, hold=True)
    request = RolloutRequest(1, CONTEXT, 2, "given", actions, edits=(edit,))
    edited = build_rollout(play.checkpoint, request).edited
    assert edited is not None
    watched(play)
    before = play.moments[-1].model
    for action in actions:
        moment = play.go(list(action), looks=False, edits={3: 2.5})
    assert np.abs(moment.model.astype(int) - edited.image[-1].astype(int)).max() <= 1
    assert not np.array_equal(moment.model, before)


def test_what_was_played_is_an_episode_and_a_film(play: Play) -> None:
    watched(play)
    episode, timeline = play.episode(), play.timeline("name")
    assert np.array_equal(episode.image, play.checkpoint.clip.image[1, :CONTEXT])
    assert np.array_equal(episode.action, play.checkpoint.clip.action[1, :CONTEXT])
    assert np.array_equal(episode.factors, play.checkpoint.clip.factors[1, :CONTEXT])
    assert [strip.title for strip in timeline.strips] == ["simulator", "model", "error"]
    assert timeline.steps == timeline.context == CONTEXT


def test_a_film_says_of_each_step_whether_the_model_looked(play: Play) -> None:
    watched(play)
    for looks in (False, True, False):
        play.go([0.0, 0.0], looks=looks, edits={})
    timeline = play.timeline("name")
    assert [timeline.is_observed(step) for step in range(CONTEXT - 1, CONTEXT + 3)] == [True, False, True, False]


def test_a_new_episode_forgets_the_one_before(play: Play) -> None:
    watched(play)
    again = play.begin(1)
    assert again.step == 0 and len(play.moments) == len(play.episode().image) == 1
    first = Play(play.checkpoint, ClipWorld(play.checkpoint.clip)).begin(1)
    assert np.array_equal(again.model, first.model)


def test_after_the_last_step_another_episode_is_asked_for(play: Play) -> None:
    play.begin(0)
    while not play.moments[-1].over:
        play.go([0.0, 0.0], looks=True, edits={})
    with pytest.raises(ViewError, match="the episode is over"):
        play.go([0.0, 0.0], looks=True, edits={})
    assert len(play.moments) == play.checkpoint.clip.image.shape[1] < MOST_STEPS


@pytest.mark.parametrize(
    ("action", "edits", "field"),
    [
        ([0.5], {}, "action"),
        ([0.5, 1.5], {}, "action"),
        ([0.5, float("nan")], {}, "action"),
        ([0.0, 0.0], {99: 1.0}, "edits"),
        ([0.0, 0.0], {1: float("inf")}, "edits"),
        ([0.0, 0.0], {1: 1e9}, "edits"),
    ],
)
def test_wrong_steps_are_refused_and_nothing_moves(
    play: Play, action: list[float], edits: dict[int, float], field: str
) -> None:
    play.begin(0)
    with pytest.raises(ViewError) as caught:
        play.go(action, looks=True, edits=edits)
    assert caught.value.field == field
    assert len(play.moments) == 1 and not play.world.taken  # type: ignore[attr-defined]


def test_who_can_play(video_checkpoint: Checkpoint, world_checkpoint: Checkpoint) -> None:
    assert can_play(world_checkpoint) == ""
    assert "knows no actions" in can_play(video_checkpoint)
    nowhere = dataclasses.replace(world_checkpoint, info=dataclasses.replace(world_checkpoint.info, environment=None))
    assert "which environment" in can_play(nowhere)
