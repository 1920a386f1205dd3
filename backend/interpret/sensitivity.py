"""Counterfactual sensitivity: how far reward, value and actions move when one dimension moves by a sigma.

It answers in one look whether a policy listens to a distractor.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from backend.data.checkpoint import Checkpoint
from backend.interpret.encoded import Floats, Integers
from backend.interpret.names import dimension_names
from backend.interpret.request import ViewError
from backend.interpret.resample import bootstrap_weights
from models.types import State, normalise
from models.world_model import WorldModel

RESAMPLES = 200

Outcome = Callable[[Tensor], Tensor]  # latents (N, Z) of the same N frames -> outcomes (N, K)


@torch.no_grad()
def sensitivity(outcome: Outcome, latent: Tensor, sigma: Tensor) -> Floats:
    """Change of each outcome for one sigma of each dimension, half a sigma to each side: (N, Z), (Z,) -> (N, Z, K).

    For outcomes that are linear in the latent this is weight times sigma, exactly.
    """
    changes = []
    for dim, width in enumerate(sigma.tolist()):
        step = torch.zeros_like(latent)
        step[:, dim] = width / 2
        changes.append(outcome(latent + step) - outcome(latent - step))
    return np.asarray(torch.stack(changes, 1).double().numpy())


@torch.no_grad()
def sensitivity_of(checkpoint: Checkpoint, seed: int = 0) -> dict[str, Any]:
    """The table of an agent over its clip; raises ViewError for a checkpoint without reward or policy.

    {"outcomes": ["reward", "value", "action 0", ...], "dimensions": [{"dim", "name", "status", "outcomes": {outcome:
    {"mean": signed, "size": mean absolute, "interval": [low, high] of size over episodes, "share": of the outcome's
    own spread}}}], "frames", "episodes"}.
    """
    model, actor_critic = checkpoint.model, checkpoint.actor_critic
    if not isinstance(model, WorldModel) or actor_critic is None:
        raise ViewError("checkpoint", f"{checkpoint.info.name} has no reward and no policy to ask")
    latent, deter, episode = _watched(checkpoint)

    def outcome(latents: Tensor) -> Tensor:
        feature = State(deter, model.rssm.posterior(deter, latents).mean).feature
        reward, value = model.reward(feature), actor_critic.value(feature)
        return torch.cat([reward[:, None], value[:, None], actor_critic.policy(feature).mode], 1)

    outcomes = ["reward", "value", *(f"action {index}" for index in range(model.config.action_size))]
    changes = sensitivity(outcome, latent, torch.from_numpy(checkpoint.statistics.std).float())
    own_spread = outcome(latent).double().numpy().std(axis=0)
    return {
        "outcomes": outcomes,
        "dimensions": _table(checkpoint, changes, own_spread, outcomes, _drawn(episode, seed)),
        "frames": len(latent),
        "episodes": len(np.unique(episode)),
    }


def _table(
    checkpoint: Checkpoint, changes: Floats, own_spread: Floats, outcomes: list[str], weights: Floats
) -> list[dict[str, Any]]:
    size = np.abs(changes)
    resampled = np.einsum("rn,nzk->rzk", weights, size) / weights.sum(axis=1)[:, None, None]
    low, high = np.percentile(resampled, [2.5, 97.5], axis=0)
    mean, strength = changes.mean(axis=0), size.mean(axis=0)
    return [
        {
            "dim": name.dim,
            "name": name.text,
            "status": name.status,
            "outcomes": {
                outcome: {
                    "mean": float(mean[name.dim, column]),
                    "size": float(strength[name.dim, column]),
                    "interval": [float(low[name.dim, column]), float(high[name.dim, column])],
                    "share": float(strength[name.dim, column] / max(own_spread[column], 1e-9)),
                }
                for column, outcome in enumerate(outcomes)
            },
        }
        for name in dimension_names(checkpoint)
    ]


def _watched(checkpoint: Checkpoint) -> tuple[Tensor, Tensor, Integers]:
    """Latent mean (N, Z), recurrent state before it (N, D) and episode (N,) of every frame of the clip."""
    clip, model = checkpoint.clip, checkpoint.model
    latent = model.encode(normalise(torch.from_numpy(clip.image))).mean
    observed = model.observe(latent, torch.from_numpy(clip.action))
    episodes, length = clip.image.shape[:2]
    return latent.flatten(0, 1), observed.states.deter.flatten(0, 1), np.repeat(np.arange(episodes), length)


def _drawn(episode: Integers, seed: int) -> Floats:
    generator = np.random.default_rng(seed)
    return np.stack([bootstrap_weights(episode, generator) for _ in range(RESAMPLES)])
