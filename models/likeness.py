"""How like a state is to an expert's (DITTO, arXiv 2302.03086), by `deter` alone."""

import torch
from torch import Tensor

from models.actor_critic import ActorCritic
from models.rssm import Recurrence
from models.types import State


def likeness(deter: Tensor, expert: Tensor) -> Tensor:
    """<h, e> / max(|h|, |e|)^2: 1 only where both are equal, at most the cosine: (..., D) twice -> (...)."""
    longest = torch.maximum(deter.square().sum(-1), expert.square().sum(-1))
    return (deter * expert).sum(-1) / longest.clamp(min=1e-8)


def windows(states: State, horizon: int) -> tuple[State, Tensor]:
    """Every state of (B, T, .) that `horizon` more follow, (B * (T - N), .), and the `deter` of those, (.., N, D)."""
    count = states.deter.shape[1] - horizon
    assert count > 0, (states.deter.shape, horizon)
    start = State(states.deter[:, :count], states.stoch[:, :count]).flatten()
    following = states.deter[:, 1:].unfold(1, horizon, 1).transpose(-1, -2)
    return start, following.flatten(0, 1)


@torch.no_grad()
def policy_likeness(dream: Recurrence, actor_critic: ActorCritic, states: State, horizon: int) -> Tensor:
    """How like the states of the policy's rollouts are to the expert's (B, T, .), from each of its states on: (W, N).

    The policy's most likely actions, and the mean of every imagined state.
    """
    state, expert = windows(states, horizon)
    alike = []
    for step in range(horizon):
        state = dream.imagine_step(state, actor_critic.policy(state.feature).mode)
        alike.append(likeness(state.deter, expert[:, step]))
    return torch.stack(alike, 1)
