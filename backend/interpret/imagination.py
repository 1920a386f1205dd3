"""Observes a clip, then imagines several futures at once, each with its own edits."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from backend.interpret.fields import Edit
from models.actor_critic import ActorCritic
from models.browsable import Browsable
from models.types import State


class Chooser(Protocol):
    """Says which action leads from a state to the next step: step, state (K, .) -> (K, A)."""

    def __call__(self, step: int, state: State) -> Tensor:
        """The actions that lead to `step`."""


class Paths(NamedTuple):
    """K paths of S steps: states (K, S, .) and the actions that led to them (K, S, A)."""

    states: State
    action: Tensor


def recorded(action: Tensor) -> Chooser:
    """The same actions (S, A) on every path."""
    return lambda step, state: action[step].expand(state.deter.shape[0], -1)


def by_policy(observed: Tensor, actor_critic: ActorCritic) -> Chooser:
    """Recorded actions (C, A) during the context, then the mode of the policy."""

    def choose(step: int, state: State) -> Tensor:
        if step < len(observed):
            return observed[step].expand(state.deter.shape[0], -1)
        return actor_critic.policy(state.feature).mode

    return choose


@torch.inference_mode()
def follow(
    model: Browsable,
    latent: Tensor,
    steps: int,
    choose: Chooser,
    edits: Sequence[Sequence[Edit]],
    noise: Tensor | None = None,
) -> Paths:
    """Observes C latents (C, Z), then imagines up to S steps, on one path per list of edits.

    Means are propagated; `noise` (K, S, stoch) samples the imagined steps instead. No step sees a later latent.
    """
    paths = len(edits)
    state = model.rssm.initial(paths)
    states, actions = [], []
    for step in range(steps):
        action = choose(step, state)
        deter = model.rssm.advance(state, action if model.config.action_size else None)
        seen = latent[step].expand(paths, -1) if step < len(latent) else None
        if seen is not None:
            stoch = model.rssm.draw(model.rssm.posterior(deter, seen), None)
        else:
            stoch = model.rssm.draw(model.rssm.prior(deter), None if noise is None else noise[:, step])
        state = edited(model, State(deter, stoch), seen, [_now(path, step) for path in edits])
        states.append(state)
        actions.append(action)
    deter, stoch = (torch.stack(parts, 1) for parts in zip(*states, strict=True))
    return Paths(State(deter, stoch), torch.stack(actions, 1))


def _now(edits: Sequence[Edit], step: int) -> dict[int, float]:
    return {edit.dim: edit.value for edit in edits if edit.applies(step)}


def edited(model: Browsable, state: State, seen: Tensor | None, edits: list[dict[int, float]]) -> State:
    """States of K paths, each moved by its edits, dimension -> value.

    The stochastic state shifts as far as the posterior when the latent is edited. That latent is the observed one, or
    what the encoder sees in the imagined picture. An edit to the value that the latent has already moves nothing.
    """
    rows = [path for path, edit in enumerate(edits) if edit]
    if not rows:
        return state
    deter, stoch = state.deter[rows], state.stoch[rows]
    placed = model.placed(State(deter, stoch), [edits[path] for path in rows])
    if placed is not None:
        moved = state.stoch.clone()
        moved[rows] = placed
        return State(state.deter, moved)
    if seen is None:
        image = model.decode(State(deter, stoch).feature).clamp(-0.5, 0.5)
        before = model.encode(image).mean
    else:
        before = seen[rows]
    after = before.clone()
    for place, path in enumerate(rows):
        for dim, value in edits[path].items():
            after[place, dim] = value
    shift = model.rssm.posterior(deter, after).mean - model.rssm.posterior(deter, before).mean
    moved = state.stoch.clone()
    moved[rows] = stoch + shift
    return State(state.deter, moved)
