"""Compares a counterfactual with the simulator: a factor changes in the simulator, its dimension in the model.

The simulator runs the same episode twice, with equal actions; in the second run a factor has another value from one
step on. The model observes the context of the first run and imagines the rest twice: as it is, and with the dimension
set to what the encoder reads from the changed picture. The difference between the two runs is the true change, the
difference between the two imagined futures the predicted one.
"""

import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch

from backend.data.checkpoint import Checkpoint
from backend.data.clip import Clip
from backend.envs.intervene import Change, Life, Simulation
from backend.interpret.counterfactual_request import CounterfactualRequest, factor_range
from backend.interpret.encoded import INACTIVE_KL, Floats
from backend.interpret.fields import Edit
from backend.interpret.imagination import follow
from backend.interpret.names import DimensionName, dimension_names
from backend.interpret.request import ViewError
from backend.interpret.rollout import Branch, branch_of, chooser, context_latent
from backend.interpret.rollout_request import RolloutRequest
from backend.interpret.timeline import Strip, Timeline, curve, difference
from backend.interpret.view import Picture, provenance_of
from models.types import State, normalise

DISTRACTION = "episode"  # the environment whose factors can be set


@dataclass(frozen=True)
class Counterfactual:
    """Both runs of the simulator, both futures of the model, and how far each dimension explains the true change."""

    request: CounterfactualRequest
    checkpoint_name: str
    environment: str
    label: DimensionName
    value: float  # what the dimension is set to
    before: float  # the factor's value in the first run
    after: float
    lived: Life
    changed: Life
    model: Branch
    edited: Branch
    explained: dict[int, float]  # dim -> share of the true change, over active dimensions
    names: tuple[DimensionName, ...]
    policy: Floats | None  # (S,) distance of the policy's actions in the two futures
    provenance: dict[str, Any]

    @cached_property
    def settings(self) -> str:
        """The view as one line of JSON, which is embedded in files made from it."""
        origin = {key: self.provenance[key] for key in ("checkpoint", "weights")}
        return json.dumps({"diswm": "counterfactual", **origin, "view": self.request.to_json()}, sort_keys=True)

    def timeline(self, name: str) -> Timeline:
        """The rows and curves to show, and the name of their files."""
        factor = self.request.factor.replace("_", " ")
        told = f"{factor} {self.before:.2f} → {self.after:.2f}".replace("-", "−")
        edit = f"dim {self.label.dim} held at {self.value:.2f}".replace("-", "−")
        return Timeline(
            kind="counterfactual",
            title=f"Counterfactual, {self.checkpoint_name}",
            name=name,
            context=self.request.context,
            strips=(
                Strip("world", "as it was", self.lived.image, "truth"),
                Strip("world, changed", told, self.changed.image, "truth"),
                Strip(
                    "true change", "|changed − world|", difference(self.changed.image, self.lived.image), "difference"
                ),
                Strip("model", "as it was", self.model.image),
                Strip("model, edited", edit, self.edited.image),
                Strip(
                    "predicted change",
                    "|edited − model|",
                    difference(self.edited.image, self.model.image),
                    "difference",
                ),
            ),
            curves=self._curves(),
            settings=self.settings,
            facts={
                "since": self.request.since,
                "factor": self.request.factor,
                "before": round(self.before, 4),
                "after": round(self.after, 4),
                "dim": self.label.dim,
                "name": self.label.short,
                "value": round(self.value, 4),
                "explained": round(self.explained[self.label.dim], 4),
                "dimensions": [
                    {"dim": dim, "name": self.names[dim].short, "explained": round(share, 4)}
                    for dim, share in sorted(self.explained.items(), key=lambda item: -item[1])
                ],
            },
        )

    def _curves(self) -> dict[str, Any]:
        def size(first: Picture, second: Picture) -> Any:
            return curve(difference(first, second).mean(axis=(1, 2, 3)))

        charts = {
            "Size of the change in grey levels": {
                "true": size(self.changed.image, self.lived.image),
                "predicted": size(self.edited.image, self.model.image),
            }
        }
        if self.model.predicted_reward is not None and self.edited.predicted_reward is not None:
            charts["Change of reward"] = {
                "true": curve(self.changed.reward - self.lived.reward),
                "predicted": curve(self.edited.predicted_reward - self.model.predicted_reward),
            }
        if self.model.value is not None and self.edited.value is not None:
            charts["Change of value"] = {"predicted": curve(self.edited.value - self.model.value)}
        if self.policy is not None:
            charts["Change of the policy's action"] = {"predicted": curve(self.policy)}
        return charts


def bearer(checkpoint: Checkpoint, factor: str) -> int:
    """The dimension that goes with a factor most: by NMI where factors were computed, else by |correlation|."""
    factors = checkpoint.factors
    if factors is not None and factor in factors["factor_names"]:
        return int(np.argmax(np.array(factors["nmi"])[:, factors["factor_names"].index(factor)]))
    clip = checkpoint.clip
    with torch.inference_mode():
        latent = checkpoint.model.encode(normalise(torch.from_numpy(clip.image[:, 0]))).mean.numpy()
    truth = clip.factors[:, 0, clip.factor_names.index(factor)]
    spread = latent.std(0) * truth.std()
    covariance = ((latent - latent.mean(0)) * (truth - truth.mean())[:, None]).mean(0)
    return int(np.argmax(np.abs(covariance) / np.where(spread > 1e-9, spread, np.inf)))


def counterfactual(checkpoint: Checkpoint, request: CounterfactualRequest) -> Counterfactual:
    """Runs the episode twice in a separate process, imagines it twice, and compares.

    Raises ViewError, EnvironmentFailed.
    """
    request.check(checkpoint)
    lived, changed = _live_twice(checkpoint, request)
    dim = bearer(checkpoint, request.factor) if request.dim is None else request.dim
    seen, asked = _seen(checkpoint, request, lived)
    seen = seen.in_context(seen.clip.image[asked.episode, asked.context - 1])
    with torch.inference_mode():
        reading = seen.model.encode(normalise(torch.from_numpy(changed.image[request.since]))).mean.numpy()
    active = [int(other) for other in np.flatnonzero(checkpoint.statistics.kl >= INACTIVE_KL)]
    dims = [dim, *(other for other in active if other != dim)]
    edits = [[Edit(other, float(reading[other]), request.since, True)] for other in dims]
    latent, choose = context_latent(seen, asked), chooser(seen, asked)
    unedited = follow(seen.model, latent, asked.steps, choose, [()])
    paths = follow(seen.model, latent, asked.steps, choose, edits)
    model, futures = branch_of(seen, unedited), [branch_of(seen, paths, row) for row in range(len(dims))]
    factor = lived.factor_names.index(request.factor)
    names = dimension_names(checkpoint)
    true = _signed(changed.image, lived.image)
    return Counterfactual(
        request=request,
        checkpoint_name=checkpoint.info.name,
        environment=str(checkpoint.info.environment),
        label=names[dim],
        value=float(reading[dim]),
        before=float(lived.factors[request.since, factor]),
        after=float(changed.factors[request.since, factor]),
        lived=lived,
        changed=changed,
        model=model,
        edited=futures[0],
        explained={
            other: explained(true, _signed(future.image, model.image))
            for other, future in zip(dims, futures, strict=True)
        },
        names=tuple(names),
        policy=_policy_change(checkpoint, unedited.states, paths.states),
        provenance=provenance_of(checkpoint),
    )


def explained(true: Floats, predicted: Floats) -> float:
    """1 - |true - predicted|^2 / |true|^2: 1 for a correct prediction, 0 for none, negative for a wrong one."""
    size = float((true**2).sum())
    return 1 - float(((true - predicted) ** 2).sum()) / size if size > 0 else 0.0


def _live_twice(checkpoint: Checkpoint, request: CounterfactualRequest) -> tuple[Life, Life]:
    scene, clip = checkpoint.info.scene, checkpoint.clip
    action = np.zeros((request.steps, clip.action.shape[2]), np.float32)
    if request.actions == "recorded":
        action = clip.action[request.episode, : request.steps]
    with Simulation(
        str(checkpoint.info.environment),
        distraction=DISTRACTION,
        action_repeat=scene.action_repeat,
        look=scene.look,
        random_pose=True,
    ) as world:
        lived = world.live(request.seed, action)
        before = float(lived.factors[0, lived.factor_names.index(request.factor)])
        low, high = factor_range(checkpoint, request.factor)
        far = low if before - low > high - before else high
        to = far if request.to is None else request.to
        changed = world.live(request.seed, action, Change(request.since, {request.factor: to}))
    if len(lived.image) < request.steps:
        raise ViewError("horizon", f"the episode ends after {len(lived.image)} steps; use fewer")
    return lived, changed


def _seen(checkpoint: Checkpoint, request: CounterfactualRequest, lived: Life) -> tuple[Checkpoint, RolloutRequest]:
    """The checkpoint with the simulated episode as its clip, and the rollout that imagines it."""
    action = np.zeros((request.steps, checkpoint.clip.action.shape[2]), np.float32)
    if request.actions == "recorded":
        action = checkpoint.clip.action[request.episode, : request.steps]
    clip = Clip(lived.image[None], action[None], lived.reward[None], lived.factors[None], lived.factor_names)
    asked = RolloutRequest(context=request.context, horizon=request.horizon, actions="recorded")
    asked.check(seen := replace(checkpoint, clip=clip))
    return seen, asked


@torch.inference_mode()
def _policy_change(checkpoint: Checkpoint, unedited: State, edited: State) -> Floats | None:
    """Distance between the policy's modes in the two futures, per step: (S,)."""
    behaviour = checkpoint.actor_critic
    if behaviour is None:
        return None
    first, second = (
        behaviour.policy(State(states.deter[0], states.stoch[0]).feature).mode for states in (unedited, edited)
    )
    return np.asarray((first - second).norm(dim=-1).numpy())


def _signed(second: Picture, first: Picture) -> Floats:
    return second.astype(np.float32) - first.astype(np.float32)
