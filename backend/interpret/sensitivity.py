"""Counterfactual sensitivity: how far reward, value and actions move when one dimension moves by a sigma.

It shows whether a policy depends on a distractor.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from backend.data.checkpoint import Checkpoint
from backend.data.episodes import DatasetInfo, read_episodes
from backend.interpret.encoded import Floats, Integers
from backend.interpret.latents import encode_images
from backend.interpret.names import dimension_names
from backend.interpret.request import ViewError
from backend.interpret.resample import bootstrap_weights
from models.browsable import Browsable
from models.types import State

RESAMPLES = 200
MOST_FRAMES = 20_000

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
def sensitivity_of(checkpoint: Checkpoint, dataset: DatasetInfo | None = None, seed: int = 0) -> dict[str, Any]:
    """The table of an agent over a data set, or over its own clip; raises ViewError if it cannot be computed.

    {"outcomes": ["reward", "value", "action 0", ...], "dimensions": [{"dim", "name", "status", "outcomes": {outcome:
    {"mean": signed, "size": mean absolute, "interval": [low, high] of size over episodes, "share": of the outcome's
    own spread}}}], "frames", "episodes", "dataset": its id or None}. At most the first 20,000 frames are used.
    """
    model, actor_critic = checkpoint.model, checkpoint.actor_critic
    refused = ViewError("checkpoint", f"{checkpoint.info.name} has no reward and no policy to ask")
    if actor_critic is None:
        raise refused
    watched = _watched(model, _episodes(checkpoint, dataset))

    def outcome(latents: Tensor) -> Tensor:
        feature = State(watched.deter, model.rssm.posterior(watched.deter, latents).mean).feature
        reward, value = model.reward(feature), actor_critic.value(feature)
        if reward is None:
            raise refused
        return torch.cat([reward[:, None], value[:, None], actor_critic.policy(feature).mode], 1)

    outcomes = ["reward", "value", *(f"action {index}" for index in range(model.config.action_size))]
    changes = sensitivity(outcome, watched.latent, torch.from_numpy(checkpoint.statistics.std).float())
    own_spread = outcome(watched.latent).double().numpy().std(axis=0)
    return {
        "outcomes": outcomes,
        "dimensions": _table(checkpoint, changes, own_spread, outcomes, _drawn(watched.episode, seed)),
        "frames": len(watched.latent),
        "episodes": len(np.unique(watched.episode)),
        "dataset": None if dataset is None else dataset.id,
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
            "name": name.short,
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


class Watched(NamedTuple):
    """Latent mean (N, Z), recurrent state before it (N, D) and episode (N,) of N frames."""

    latent: Tensor
    deter: Tensor
    episode: Integers


def _watched(model: Browsable, episodes: Iterable[tuple[Any, Any]]) -> Watched:
    """The model's outputs for frames (T, 64, 64, 3) and actions (T, A), episode by episode."""
    latents, deters, numbers = [], [], []
    left = MOST_FRAMES
    for number, (image, action) in enumerate(episodes):
        seen = slice(0, left)
        latent = torch.from_numpy(encode_images(model, image[seen])[0])
        observed = model.observe(latent[None], torch.from_numpy(action[seen])[None])
        latents.append(latent)
        deters.append(observed.states.deter[0])
        numbers.append(np.full(len(latent), number))
        left -= len(latent)
        if left <= 0:
            break
    return Watched(torch.cat(latents), torch.cat(deters), np.concatenate(numbers))


def _episodes(checkpoint: Checkpoint, dataset: DatasetInfo | None) -> Iterator[tuple[Any, Any]]:
    """Frames and actions of the clip, or of a data set with the actions that this model takes. Raises ViewError."""
    size = checkpoint.model.config.action_size
    if dataset is None:
        yield from zip(checkpoint.clip.image, checkpoint.clip.action, strict=True)
        return
    for episode in read_episodes(dataset.folder):
        if episode.action.shape[1] != size:
            found = f"has {episode.action.shape[1]} actions per step, the model takes {size}"
            raise ViewError("dataset", f"{dataset.name} {found}")
        yield episode.image, episode.action


def _drawn(episode: Integers, seed: int) -> Floats:
    generator = np.random.default_rng(seed)
    return np.stack([bootstrap_weights(episode, generator) for _ in range(RESAMPLES)])
