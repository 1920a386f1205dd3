"""Imitation: a recorded episode, what the policy makes of its start in imagination, and how alike the states are.

Works for every checkpoint with a policy; the episode of the clip is an expert's after offline learning only.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from backend.data.checkpoint import Checkpoint
from backend.interpret.encoded import Floats
from backend.interpret.imagination import by_policy, follow, recorded
from backend.interpret.imitation_request import ImitationRequest
from backend.interpret.rollout import Branch, branch_of
from backend.interpret.timeline import Strip, Timeline, curve
from backend.interpret.view import Picture, provenance_of
from models.likeness import likeness
from models.types import normalise

MOST_OTHERS = 12


@dataclass(frozen=True)
class Imitation:
    """S recorded steps, and those of the policy and the recorded actions from the end of the context on."""

    request: ImitationRequest
    checkpoint_name: str
    recording: Picture  # (S, 64, 64, 3)
    recorded_action: Floats  # (S, A)
    policy: Branch
    same_actions: Branch  # imagined under the recorded actions
    alike: dict[str, Floats]  # of each rollout and of other episodes: likeness to the recorded state, (S,)
    provenance: dict[str, Any]

    @cached_property
    def settings(self) -> str:
        """The view as one line of JSON, which is embedded in files made from it."""
        origin = {key: self.provenance[key] for key in ("checkpoint", "weights")}
        return json.dumps({"diswm": "imitation", **origin, "view": self.request.to_json()}, sort_keys=True)

    def timeline(self, name: str) -> Timeline:
        """The rows and curves to show, and the name of their files."""
        context = self.request.context
        distance = np.abs(self.policy.action - self.recorded_action).mean(-1)
        distance[:context] = np.nan  # those were recorded
        likenesses = {title: curve(values) for title, values in self.alike.items()}
        last = {title: round(1 - float(values[-1]), 4) for title, values in self.alike.items()}
        return Timeline(
            kind="imitation",
            title=f"Imitation, {self.checkpoint_name}",
            name=name,
            context=context,
            strips=(
                Strip("episode", "recorded", self.recording, "truth"),
                Strip("policy", "imagined", self.policy.image),
                Strip("same actions", "imagined", self.same_actions.image),
            ),
            curves={
                "Likeness to the recorded state": likenesses,
                "Distance of the action from the recorded one": {"policy": curve(distance)},
            },
            settings=self.settings,
            facts={"distances": last},
        )


def imitation(checkpoint: Checkpoint, request: ImitationRequest) -> Imitation:
    """Follows recording, policy and recorded actions by their means; raises ViewError."""
    request.check(checkpoint)
    checkpoint = checkpoint.in_context(checkpoint.clip.image[request.episode, request.context - 1])
    model, clip, steps = checkpoint.model, checkpoint.clip, request.steps
    assert checkpoint.actor_critic is not None, "checked with the request"
    latent = _latents(checkpoint, request.episode, steps)
    action = torch.from_numpy(clip.action[request.episode, :steps])
    seen = latent[: request.context]
    expert = follow(model, latent, steps, recorded(action), [()]).states.deter[0]
    policy = follow(model, seen, steps, by_policy(action[: request.context], checkpoint.actor_critic), [()])
    same = follow(model, seen, steps, recorded(action), [()])
    return Imitation(
        request=request,
        checkpoint_name=checkpoint.info.name,
        recording=clip.image[request.episode, :steps],
        recorded_action=clip.action[request.episode, :steps],
        policy=branch_of(checkpoint, policy),
        same_actions=branch_of(checkpoint, same),
        alike={
            "policy": likeness(policy.states.deter[0], expert).numpy(),
            "same actions": likeness(same.states.deter[0], expert).numpy(),
            **_chance(checkpoint, request, expert),
        },
        provenance=provenance_of(checkpoint),
    )


def _chance(checkpoint: Checkpoint, request: ImitationRequest, expert: torch.Tensor) -> dict[str, Floats]:
    """How like the states of other episodes are at the same step, on average: (S,); nothing if there are no others."""
    others = [episode for episode in range(len(checkpoint.clip.image)) if episode != request.episode][:MOST_OTHERS]
    if not others:
        return {}
    alike = []
    for other in others:
        action = torch.from_numpy(checkpoint.clip.action[other, : request.steps])
        latent = _latents(checkpoint, other, request.steps)
        states = follow(checkpoint.model, latent, request.steps, recorded(action), [()]).states
        alike.append(likeness(states.deter[0], expert))
    return {"other episodes": torch.stack(alike).mean(0).numpy()}


@torch.inference_mode()
def _latents(checkpoint: Checkpoint, episode: int, steps: int) -> torch.Tensor:
    """What the encoder sees in the first frames of an episode: (S, Z)."""
    return checkpoint.model.encode(normalise(torch.from_numpy(checkpoint.clip.image[episode, :steps]))).mean
