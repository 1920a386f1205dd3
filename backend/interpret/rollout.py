"""Rollouts: what a model expects to see after some context, beside what came, and another future after an edit."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from torch import Tensor

from backend.data.checkpoint import Checkpoint
from backend.interpret.encoded import Floats
from backend.interpret.imagination import Chooser, Paths, by_policy, follow, recorded
from backend.interpret.names import DimensionName, dimension_names
from backend.interpret.reel import Reading, Reel, Strip, difference
from backend.interpret.rollout_request import RolloutRequest
from backend.interpret.view import Picture, provenance_of
from models.types import State, normalise, to_uint8
from models.world_model import WorldModel

DECODED_AT_ONCE = 128
SPREAD_GAIN = 4  # a standard deviation of 64 grey levels is drawn white


@dataclass(frozen=True)
class Branch:
    """One future of S steps: pictures, and what the model expects of it where it has the heads to."""

    image: Picture  # (S, 64, 64, 3)
    action: Floats  # (S, A), that led to each step
    predicted_reward: Floats | None  # (S,)
    value: Floats | None  # (S,)


@dataclass(frozen=True)
class Rollout:
    """`context` steps observed, then imagined ones; `known` of the S true frames exist."""

    request: RolloutRequest
    checkpoint_id: str
    checkpoint_name: str
    environment: str | None
    labels: tuple[DimensionName, ...]  # of the edited dimensions
    truth: Picture  # (S, 64, 64, 3), black where the clip has ended
    known: int
    model: Branch
    reward: Floats | None  # (known,) true rewards, None for a video model
    samples: Picture  # (K, S, 64, 64, 3), none when the mean alone is followed
    edited: Branch | None
    provenance: dict[str, Any]

    @property
    def error(self) -> Picture:
        """|truth - model| of each step (S, 64, 64, 3), black where there is no truth."""
        distance = difference(self.truth, self.model.image)
        distance[self.known :] = 0
        return distance

    @property
    def change(self) -> Picture | None:
        """|edited - model| of each step."""
        if self.edited is None:
            return None
        return difference(self.edited.image, self.model.image)

    @cached_property
    def spread(self) -> Picture | None:
        """Standard deviation over the samples of each pixel, times four, (S, 64, 64, 3)."""
        if self._deviation is None:
            return None
        return np.asarray(np.clip(self._deviation * SPREAD_GAIN, 0, 255), np.uint8)

    @property
    def spread_per_step(self) -> list[float] | None:
        """Mean standard deviation over the samples, in grey levels, a step."""
        if self._deviation is None:
            return None
        return [float(value) for value in self._deviation.mean(axis=(1, 2, 3))]

    @cached_property
    def _deviation(self) -> npt.NDArray[np.float32] | None:
        """Of the samples, (S, 64, 64, 3) in grey levels: once for all that shows it."""
        return self.samples.astype(np.float32).std(axis=0) if len(self.samples) else None

    @cached_property
    def psnr(self) -> list[float | None]:
        """Peak signal to noise of each step in dB, 100 at most; None where there is no truth."""
        pairs = zip(self.truth[: self.known], self.model.image, strict=False)
        return [*(_psnr(truth, model) for truth, model in pairs), *[None] * (self.request.steps - self.known)]

    @cached_property
    def ssim(self) -> list[float | None]:
        """Structural similarity of each step; None where there is no truth."""
        pairs = zip(self.truth[: self.known], self.model.image, strict=False)
        return [*(_ssim(truth, model) for truth, model in pairs), *[None] * (self.request.steps - self.known)]

    @property
    def strips(self) -> tuple[Strip, ...]:
        """Every row of pictures with its title."""
        rows = [
            Strip("truth", "", self.truth, "truth"),
            Strip("model", "", self.model.image),
            Strip("error", "|truth − model|", self.error, "difference"),
        ]
        rows += [Strip(f"sample {number + 1}", "", image) for number, image in enumerate(self.samples)]
        if self.spread is not None:
            rows.append(Strip("spread", f"SD × {SPREAD_GAIN}", self.spread, "difference"))
        if self.edited is not None and self.change is not None:
            edits = ", ".join(label.text for label in self.labels)
            rows.append(Strip("edited", edits, self.edited.image))
            rows.append(Strip("change", "|edited − model|", self.change, "difference"))
        return tuple(rows)

    def reel(self, name: str) -> Reel:
        """Rows and curves to be shown, and the name of their files."""
        return Reel(
            kind="rollout",
            title=f"Rollout, {self.checkpoint_name}",
            name=name,
            context=self.request.context,
            strips=self.strips,
            curves={"PSNR in dB": {"model": self.psnr}, "SSIM": {"model": self.ssim}},
            settings=self.settings,
            facts={"known": self.known},
            reading=Reading("PSNR", "dB", self.psnr),
        )

    @cached_property
    def settings(self) -> str:
        """The rollout as one line of JSON, which files made from it carry."""
        carried = {key: self.provenance[key] for key in ("checkpoint", "weights")}
        return json.dumps({"diswm": "rollout", **carried, "view": self.request.to_json()}, sort_keys=True)


def build_rollout(checkpoint: Checkpoint, request: RolloutRequest) -> Rollout:
    """Follows the mean, the samples and the edited branch; raises ViewError. Same seed, same bytes, on the CPU."""
    request.check(checkpoint)
    clip, steps = checkpoint.clip, request.steps
    latent = context_latent(checkpoint, request)
    choose = chooser(checkpoint, request)
    plain = follow(checkpoint.model, latent, steps, choose, [()])
    edited = follow(checkpoint.model, latent, steps, choose, [request.edits]) if request.edits else None
    known = min(steps, clip.image.shape[1])
    truth = np.zeros((steps, *clip.image.shape[2:]), np.uint8)
    truth[:known] = clip.image[request.episode, :known]
    model = branch_of(checkpoint, plain)
    names = dimension_names(checkpoint)
    return Rollout(
        request=request,
        checkpoint_id=checkpoint.info.id,
        checkpoint_name=checkpoint.info.name,
        environment=checkpoint.info.environment,
        labels=tuple(names[edit.dim] for edit in request.edits),
        truth=truth,
        known=known,
        model=model,
        reward=clip.reward[request.episode, :known] if model.predicted_reward is not None else None,
        samples=_sample(checkpoint, request, latent, model.image),
        edited=None if edited is None else branch_of(checkpoint, edited),
        provenance=provenance_of(checkpoint),
    )


def context_latent(checkpoint: Checkpoint, request: RolloutRequest) -> Tensor:
    """What the encoder sees in the observed frames, and nothing after them: (C, Z)."""
    seen = checkpoint.clip.image[request.episode, : request.context]
    with torch.inference_mode():
        return checkpoint.model.encode(normalise(torch.from_numpy(seen))).mean


def chooser(checkpoint: Checkpoint, request: RolloutRequest) -> Chooser:
    """Who acts."""
    size = checkpoint.model.config.action_size
    if not size:
        return recorded(torch.zeros(request.steps, 0))
    clip = torch.from_numpy(checkpoint.clip.action[request.episode])
    observed = clip[: request.context]
    if request.actions == "policy":
        assert checkpoint.actor_critic is not None, "checked with the request"
        return by_policy(observed, checkpoint.actor_critic)
    if request.actions == "recorded":
        return recorded(clip[: request.steps])
    if request.actions == "given":
        return recorded(torch.cat([observed, torch.tensor(request.given, dtype=torch.float32)]))
    return recorded(torch.cat([observed, torch.zeros(request.horizon, size)]))


@torch.inference_mode()
def _sample(checkpoint: Checkpoint, request: RolloutRequest, latent: Tensor, mean: Picture) -> Picture:
    """K futures drawn with the request's seed: (K, S, 64, 64, 3). What was observed is the mean's, decoded once."""
    count, context = request.samples if request.samples > 1 else 0, request.context
    samples = np.broadcast_to(mean, (count, *mean.shape)).copy()
    if count:
        generator = torch.Generator().manual_seed(request.seed)
        noise = torch.randn((count, request.steps, checkpoint.model.config.state_stoch), generator=generator)
        choose = chooser(checkpoint, request)
        states = follow(checkpoint.model, latent, request.steps, choose, [()] * count, noise).states
        samples[:, context:] = decode(checkpoint, State(states.deter[:, context:], states.stoch[:, context:]))
    return samples


@torch.inference_mode()
def branch_of(checkpoint: Checkpoint, paths: Paths, path: int = 0) -> Branch:
    """One of the paths with its pictures, and what the model's heads expect of it."""
    model, actor_critic = checkpoint.model, checkpoint.actor_critic
    states = State(paths.states.deter[path], paths.states.stoch[path])
    reward = model.reward(states.feature).numpy() if isinstance(model, WorldModel) else None
    value = actor_critic.value(states.feature).numpy() if actor_critic is not None else None
    return Branch(decode(checkpoint, states), paths.action[path].numpy(), reward, value)


@torch.inference_mode()
def decode(checkpoint: Checkpoint, states: State) -> Picture:
    """Pictures of states (..., .), a part at a time, which stays in the processor's cache: a third faster."""
    feature = states.feature
    parts = torch.split(feature.flatten(0, -2), DECODED_AT_ONCE)
    image: Picture = torch.cat([to_uint8(checkpoint.model.decode(part)) for part in parts]).numpy()
    return image.reshape(*feature.shape[:-1], *image.shape[1:])


def _psnr(truth: Picture, model: Picture) -> float:
    squared = float(np.mean((truth.astype(np.float64) - model) ** 2))
    return min(100.0, 10 * np.log10(255**2 / squared)) if squared > 0 else 100.0


def _ssim(truth: Picture, model: Picture) -> float:
    """Wang et al. 2004 with a uniform window of 7 pixels, the mean over pixels and colours."""
    first, second = (image.astype(np.float64) / 255 for image in (truth, model))

    def window(values: npt.NDArray[np.float64]) -> Floats:
        return np.asarray(ndimage.uniform_filter(values, size=(7, 7, 1)))  # type: ignore[attr-defined]  # not re-exported

    mean_first, mean_second = window(first), window(second)
    variance_first = window(first**2) - mean_first**2
    variance_second = window(second**2) - mean_second**2
    covariance = window(first * second) - mean_first * mean_second
    light = (2 * mean_first * mean_second + 1e-4) / (mean_first**2 + mean_second**2 + 1e-4)
    shape = (2 * covariance + 9e-4) / (variance_first + variance_second + 9e-4)
    return float((light * shape).mean())
