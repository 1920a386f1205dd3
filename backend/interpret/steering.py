"""Steering by hand: the model goes on one step for each action it is given, and shows where that leads."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from backend.data.checkpoint import Checkpoint
from backend.interpret.encoded import Floats
from backend.interpret.imagination import follow
from backend.interpret.request import ViewError
from backend.interpret.rollout import chooser, context_latent, decode
from backend.interpret.rollout_request import RolloutRequest
from backend.interpret.view import Picture
from models.types import State

Actions = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Position:
    """Where `context` observed frames and some actions have led: the last step alone is decoded."""

    step: int
    image: Picture  # (64, 64, 3)
    predicted_reward: float | None
    value: float | None
    policy: Floats | None  # (A,) what the policy would do next


@torch.inference_mode()
def steer(checkpoint: Checkpoint, episode: int, context: int, actions: Actions) -> Position:
    """Watches an episode for `context` steps, then takes the actions, N rows of A numbers, perhaps none.

    The same path as a rollout with `given` actions. Raises ViewError.
    """
    model, behaviour = checkpoint.model, checkpoint.actor_critic
    if not model.config.action_size:
        raise ViewError("actions", f"{checkpoint.info.name} is a video model: it knows no actions")
    given = tuple(tuple(row) for row in actions)
    request = RolloutRequest(episode, context, max(len(given), 1), "given" if given else "zero", given)
    request.check(checkpoint)
    steps = context + len(given)
    states = follow(model, context_latent(checkpoint, request), steps, chooser(checkpoint, request), [()]).states
    last = State(states.deter[:, -1], states.stoch[:, -1])
    reward = model.reward(last.feature)
    return Position(
        step=steps - 1,
        image=decode(checkpoint, last)[0],
        predicted_reward=_number(reward) if reward is not None else None,
        value=_number(behaviour.value(last.feature)) if behaviour is not None else None,
        policy=behaviour.policy(last.feature).mode[0].numpy() if behaviour is not None else None,
    )


def _number(values: Tensor) -> float:
    return round(float(values[0]), 6)
