"""Rollouts: what a model expects after some context, next to what really came, and another future after an edit."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from backend.data.checkpoint import Checkpoint
from backend.interpret.disagreement import GAIN, Doubt, doubt_of
from backend.interpret.encoded import Floats
from backend.interpret.imagination import Chooser, Paths, by_policy, follow, recorded
from backend.interpret.names import DimensionName, dimension_names
from backend.interpret.rollout_request import RolloutRequest
from backend.interpret.similarity import MEASURES, baselines, measured
from backend.interpret.timeline import BAND_PERCENT, Band, Bands, Curve, Reading, Strip, Timeline, curve, difference
from backend.interpret.view import Picture, provenance_of
from models.types import State, normalise, to_uint8

DECODED_AT_ONCE = 128
CHARTS = {"psnr": "PSNR in dB", "ssim": "SSIM"}  # what the charts of the measures are called
MOST_EPISODES = 12
SPREAD_GAIN = 4  # a standard deviation of 64 grey levels is drawn as white


@dataclass(frozen=True)
class Branch:
    """One future of S steps: pictures, and the model's predictions for it, if it has the heads."""

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
    truth: Picture  # (S, 64, 64, 3), black after the end of the clip
    known: int
    model: Branch
    reward: Floats | None  # (known,) true rewards, None for a video model
    samples: Picture  # (K, S, 64, 64, 3), empty if only the mean is followed
    edited: Branch | None
    baseline_images: Mapping[str, Picture]  # predictions that need no model (S, 64, 64, 3), by name
    provenance: dict[str, Any]
    doubt: Doubt | None = None  # of a model that knows what it has not seen
    edited_doubt: Doubt | None = None
    scores: Mapping[str, Any] | None = None  # of `scores_over_episodes`, where they were measured

    @property
    def error(self) -> Picture:
        """|truth - model| of each step (S, 64, 64, 3), black where there is no truth."""
        distance = difference(self.truth, self.model.image)
        distance[len(self.compared) :] = 0
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
        """Mean standard deviation over the samples, in grey levels, per step."""
        if self._deviation is None:
            return None
        return [float(value) for value in self._deviation.mean(axis=(1, 2, 3))]

    @cached_property
    def _deviation(self) -> npt.NDArray[np.float32] | None:
        """Of the samples, (S, 64, 64, 3) in grey levels; computed once."""
        return self.samples.astype(np.float32).std(axis=0) if len(self.samples) else None

    @property
    def comparable(self) -> bool:
        """Whether the true frames followed the same actions, so that the imagined ones can be compared with them."""
        return self.request.actions == "recorded" or not self.model.action.shape[1]

    @property
    def compared(self) -> range:
        """The steps with a true frame: the observed ones, and the imagined ones after the same actions."""
        return range(self.known if self.comparable else min(self.known, self.request.context))

    @cached_property
    def psnr(self) -> list[float | None]:
        """Peak signal to noise of each step in dB, at most 100; None without a true frame."""
        return measured("psnr", self.truth, self.model.image, self.compared, self.request.steps)

    @cached_property
    def ssim(self) -> list[float | None]:
        """Structural similarity of each step; None without a true frame."""
        return measured("ssim", self.truth, self.model.image, self.compared, self.request.steps)

    @cached_property
    def baselines(self) -> dict[str, dict[str, list[float | None]]]:
        """{"psnr": {"repeat last frame": (S), "mean image": (S)}, "ssim": ...} from the first imagined step on."""
        steps = self.compared[self.request.context :]
        return {
            name: {
                title: measured(name, self.truth, pictures, steps, self.request.steps)
                for title, pictures in self.baseline_images.items()
            }
            for name in MEASURES
        }

    @property
    def strips(self) -> tuple[Strip, ...]:
        """Every row of pictures with its title."""
        rows = [
            Strip("truth", "", self.truth, "truth"),
            Strip("model", "", self.model.image),
        ]
        if self.comparable:
            rows.append(Strip("error", "|truth − model|", self.error, "difference"))
        rows += [Strip(f"sample {number + 1}", "", image) for number, image in enumerate(self.samples)]
        if self.spread is not None:
            rows.append(Strip("spread", f"SD × {SPREAD_GAIN}", self.spread, "difference"))
        if self.doubt is not None:
            rows.append(Strip(self.doubt.words.row, f"SD × {GAIN}", self.doubt.image, "difference"))
        if self.edited is not None and self.change is not None:
            edits = ", ".join(label.text for label in self.labels)
            rows.append(Strip("edited", edits, self.edited.image))
            rows.append(Strip("change", "|edited − model|", self.change, "difference"))
        return tuple(rows)

    def timeline(self, name: str) -> Timeline:
        """The rows and curves to show, and the name of their files."""
        return Timeline(
            kind="rollout",
            title=f"Rollout, {self.checkpoint_name}",
            name=name,
            context=self.request.context,
            strips=self.strips,
            curves={
                chart: {"model": getattr(self, measure), **self.baselines[measure]} for measure, chart in CHARTS.items()
            }
            | self._doubts,
            settings=self.settings,
            facts={"known": self.known},
            reading=Reading("PSNR", "dB", self.psnr),
            bands=bands_of({"model": self.scores}) if self.scores else None,
        )

    @property
    def _doubts(self) -> dict[str, dict[str, Curve]]:
        lines = {"model": self.doubt, "edited": self.edited_doubt}
        found = {name: curve(doubt.steps) for name, doubt in lines.items() if doubt is not None}
        return {self.doubt.words.chart: found} if self.doubt is not None else {}

    @cached_property
    def settings(self) -> str:
        """The rollout as one line of JSON, which is embedded in files made from it."""
        origin = {key: self.provenance[key] for key in ("checkpoint", "weights")}
        return json.dumps({"diswm": "rollout", **origin, "view": self.request.to_json()}, sort_keys=True)


def build_rollout(checkpoint: Checkpoint, request: RolloutRequest) -> Rollout:
    """Follows the mean, the samples and the edited branch; raises ViewError. Same seed, same bytes, on the CPU."""
    request.check(checkpoint)
    clip, steps = checkpoint.clip, request.steps
    checkpoint = checkpoint.in_context(clip.image[request.episode, request.context - 1])
    latent = context_latent(checkpoint, request)
    choose = chooser(checkpoint, request)
    unedited = follow(checkpoint.model, latent, steps, choose, [()])
    edited = follow(checkpoint.model, latent, steps, choose, [request.edits]) if request.edits else None
    known = min(steps, clip.image.shape[1])
    truth = np.zeros((steps, *clip.image.shape[2:]), np.uint8)
    truth[:known] = clip.image[request.episode, :known]
    model = branch_of(checkpoint, unedited)
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
        baseline_images=baselines(clip, request.episode, request.context, steps),
        provenance=provenance_of(checkpoint),
        doubt=_doubt(checkpoint, unedited),
        edited_doubt=None if edited is None else _doubt(checkpoint, edited),
    )


def _doubt(checkpoint: Checkpoint, paths: Paths) -> Doubt | None:
    return doubt_of(checkpoint, State(paths.states.deter[0], paths.states.stoch[0]))


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
    """K futures drawn with the request's seed: (K, S, 64, 64, 3). The observed part is the mean's, decoded once."""
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
    """One of the paths with its pictures and the predictions of the model's heads."""
    model, actor_critic = checkpoint.model, checkpoint.actor_critic
    states = State(paths.states.deter[path], paths.states.stoch[path])
    reward = model.reward(states.feature)
    value = actor_critic.value(states.feature).numpy() if actor_critic is not None else None
    expected = None if reward is None else reward.numpy()
    return Branch(decode(checkpoint, states), paths.action[path].numpy(), expected, value)


@torch.inference_mode()
def decode(checkpoint: Checkpoint, states: State) -> Picture:
    """Pictures of states (..., .), decoded in parts that fit the processor's cache: a third faster."""
    feature = states.feature
    parts = torch.split(feature.flatten(0, -2), DECODED_AT_ONCE)
    image: Picture = torch.cat([to_uint8(checkpoint.model.decode(part)) for part in parts]).numpy()
    return image.reshape(*feature.shape[:-1], *image.shape[1:])


def scores_over_episodes(checkpoint: Checkpoint, request: RolloutRequest) -> dict[str, Any]:
    """How close the model comes to the truth at each step, over episodes of the clip, next to model-free baselines.

    {"episodes": E, "psnr": {"model", "repeat last frame", "mean image": {"mean", "low", "high": (S)}}, "ssim": ...};
    low and high enclose BAND_PERCENT of the episodes, of which at most 12 are used. The request gives context and
    horizon; the actions are those recorded. Raises ViewError.
    """
    episodes = np.unique(np.linspace(0, len(checkpoint.clip.image) - 1, MOST_EPISODES).astype(int))
    asked = replace(request, actions="recorded", samples=1, edits=(), given=())
    rollouts = [build_rollout(checkpoint, replace(asked, episode=int(episode))) for episode in episodes]
    return {
        "episodes": len(rollouts),
        **{
            name: {
                title: _band([rollout.baselines[name].get(title) or getattr(rollout, name) for rollout in rollouts])
                for title in ("model", *rollouts[0].baseline_images)
            }
            for name in MEASURES
        },
    }


def bands_of(scores: Mapping[str, Mapping[str, Any]]) -> Bands:
    """The model's bands in a rollout's charts, from what `scores_over_episodes` measured, by the name of the line."""
    return Bands(
        min(measured["episodes"] for measured in scores.values()),
        {
            chart: {
                line: Band(measured[name]["model"]["low"], measured[name]["model"]["high"])
                for line, measured in scores.items()
            }
            for name, chart in CHARTS.items()
        },
    )


def _band(series: list[list[float | None]]) -> dict[str, list[float | None]]:
    """Mean, and both ends of the middle BAND_PERCENT, of E series (E, S); None if no episode has a value."""
    ends_at = (50 - BAND_PERCENT / 2, 50 + BAND_PERCENT / 2)
    values = np.array(series, np.float64).T
    known = [row[np.isfinite(row)] for row in values]
    mean = [round(float(row.mean()), 4) if len(row) else None for row in known]
    ends = [
        [round(float(end), 4) for end in np.percentile(row, ends_at)] if len(row) else (None, None) for row in known
    ]
    return {"mean": mean, "low": [low for low, _ in ends], "high": [high for _, high in ends]}
