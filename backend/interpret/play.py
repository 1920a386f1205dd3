"""Play: a model and its simulator in parallel with the same actions, one step at a time, by hand or by policy."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from backend.data.checkpoint import Checkpoint
from backend.data.episodes import Episode, episode_of
from backend.envs.protocol import Step
from backend.interpret.encoded import Floats
from backend.interpret.imagination import edited
from backend.interpret.request import ViewError
from backend.interpret.timeline import Strip, Timeline, curve, difference
from backend.interpret.view import Picture, provenance_of
from models.types import State, normalise, to_uint8

MOST_STEPS = 1_000
KIND = "play"
"""The kind in the metadata of a play's files; their view is {"seed", "steps": [{"action", "looks", "edits"}]}."""


class World(Protocol):
    """The environment that a play shows next to the model; see `backend.envs.protocol.Environment`."""

    @property
    def factor_names(self) -> tuple[str, ...]: ...

    @property
    def action_size(self) -> int: ...

    def reset(self, seed: int) -> Step: ...

    def step(self, action: NDArray[np.float32]) -> Step: ...


@dataclass(frozen=True)
class Moment:
    """The state of a play after `step` steps.

    looked: whether the model has seen the true picture of this step, or imagined it. action: (A,) that led here.
    policy: (A,) what the policy would do next. latent: (Z,) what the encoder sees in the model's picture, if it has
    latents.
    """

    step: int
    real: Picture  # (64, 64, 3)
    model: Picture  # (64, 64, 3)
    looked: bool
    over: bool
    action: Floats
    latent: Floats | None
    policy: Floats | None
    reward: float
    predicted_reward: float | None
    value: float | None


@dataclass
class Play:
    """A game of one checkpoint in one world; `begin` it first. The world's errors (EnvironmentFailed) pass through."""

    checkpoint: Checkpoint
    world: World
    moments: list[Moment] = field(default_factory=list)
    seed: int = 0
    _steps: list[Step] = field(default_factory=list)
    _actions: list[NDArray[np.float32]] = field(default_factory=list)  # (A,), the world's action size
    _taken: list[dict[str, Any]] = field(default_factory=list)  # what each step was taken with
    _state: State | None = None
    _context: Tensor = field(default_factory=lambda: torch.zeros(0))  # the last frame (3, 64, 64) that was seen

    def begin(self, seed: int) -> Moment:
        """A new episode of the world, whose first picture the model sees."""
        self.seed, self.moments, self._steps, self._actions, self._taken = seed, [], [], [], []
        self._state = self.checkpoint.model.rssm.initial(1)
        action = np.zeros(self.checkpoint.model.config.action_size, np.float32)
        return self._arrive(self.world.reset(seed), action, looks=True, edits={})

    def go(self, action: Sequence[float] | None, *, looks: bool, edits: Mapping[int, float]) -> Moment:
        """One step on, by the action (A,), or by the policy if there is none.

        looks: whether the model sees the world's next picture; otherwise it imagines. edits: dimension ->
        value that the latent of the new step is held at. Raises ViewError.
        """
        if self.moments[-1].over:
            raise ViewError("action", "the episode is over: start another one")
        if len(self.moments) > MOST_STEPS:
            raise ViewError("action", f"a play ends after {MOST_STEPS} steps: start another one")
        self._check(edits)
        chosen = self._chosen(action)
        moment = self._arrive(self.world.step(chosen[: self.world.action_size]), chosen, looks=looks, edits=edits)
        held = {str(dim): float(value) for dim, value in sorted(edits.items())}
        self._taken.append({"action": [float(f"{value:.9g}") for value in chosen], "looks": looks, "edits": held})
        return moment

    @property
    def taken(self) -> Sequence[Mapping[str, Any]]:
        """What each step was taken with: action, looks, edits. The same steps after the same seed show the same."""
        return self._taken

    def follow(self, seed: int, steps: Sequence[Mapping[str, Any]]) -> None:
        """Come to the moment after these steps, from the present one where that lies on the way. Raises ViewError."""
        if not self.moments or self.seed != seed or list(steps[: len(self._taken)]) != self._taken:
            self.begin(seed)
        for step in steps[len(self._taken) :]:
            edits = {int(dim): value for dim, value in step["edits"].items()}
            self.go(step["action"], looks=step["looks"], edits=edits)

    @property
    def settings(self) -> str:
        """The play as one line of JSON, which is embedded in files made from it: the same steps show the same."""
        origin = {key: provenance_of(self.checkpoint)[key] for key in ("checkpoint", "weights")}
        return json.dumps({"diswm": KIND, **origin, "view": {"seed": self.seed, "steps": self._taken}}, sort_keys=True)

    def episode(self) -> Episode:
        """What the world showed, as an episode with its actions, rewards and factors."""
        return episode_of(self._steps, self._actions, self.world.factor_names)

    def timeline(self, name: str) -> Timeline:
        """The world's pictures over the model's, with rewards, for files of this name."""
        real, model = (np.stack([getattr(each, name) for each in self.moments]) for name in ("real", "model"))
        guessed = [each.predicted_reward for each in self.moments]
        rewards = {"simulator": curve([each.reward for each in self.moments])}
        if all(value is not None for value in guessed):
            rewards["model"] = curve(guessed)
        looked = [each.looked for each in self.moments]
        first = looked.index(False) if False in looked else len(looked)
        return Timeline(
            kind=KIND,
            title=f"Play, {self.checkpoint.info.name}",
            name=name,
            context=first,
            seen_again=frozenset(step for step, seen in enumerate(looked) if seen and step > first),
            strips=(
                Strip("simulator", "", real, "truth"),
                Strip("model", "", model),
                Strip("error", "|simulator − model|", difference(real, model), "difference"),
            ),
            curves={"Reward": rewards},
            settings=self.settings,
            facts={},
        )

    @torch.inference_mode()
    def _arrive(self, step: Step, action: NDArray[np.float32], *, looks: bool, edits: Mapping[int, float]) -> Moment:
        if looks:
            self._context = normalise(torch.from_numpy(step.image.copy()))
        model, behaviour = self.checkpoint.model.in_context(self._context), self.checkpoint.actor_critic
        assert self._state is not None
        deter = model.rssm.advance(self._state, torch.from_numpy(action)[None])
        seen = model.encode(self._context[None]).mean if looks else None
        where = model.rssm.prior(deter) if seen is None else model.rssm.posterior(deter, seen)
        self._state = edited(model, State(deter, model.rssm.draw(where, None)), seen, [dict(edits)])
        feature = self._state.feature
        drawn = model.decode(feature).clamp(-0.5, 0.5)
        guessed = model.reward(feature)
        moment = Moment(
            step=len(self.moments),
            real=step.image,
            model=to_uint8(drawn)[0].numpy(),
            looked=looks,
            over=step.is_last,
            action=action,
            latent=model.encode(drawn).mean[0].numpy() if model.capabilities.has_latents else None,
            policy=None if behaviour is None else behaviour.policy(feature).mode[0].numpy(),
            reward=step.reward,
            predicted_reward=None if guessed is None else _number(guessed),
            value=None if behaviour is None else _number(behaviour.value(feature)),
        )
        self.moments.append(moment)
        self._steps.append(step)
        self._actions.append(action[: self.world.action_size])
        return moment

    def _chosen(self, action: Sequence[float] | None) -> NDArray[np.float32]:
        size, advice = self.checkpoint.model.config.action_size, self.moments[-1].policy
        if action is None:
            if advice is None or len(advice) != size:
                raise ViewError("action", "this checkpoint has no policy of its own: send an action")
            return np.asarray(np.clip(advice, -1, 1), np.float32)
        if len(action) != size or not all(-1 <= value <= 1 for value in action):
            raise ViewError("action", f"must be {size} numbers from -1 to 1, got {list(action)}")
        return np.array(action, np.float32)

    def _check(self, edits: Mapping[int, float]) -> None:
        latents = self.checkpoint.info.latents if self.checkpoint.model.capabilities.has_latents else 0
        for dim, value in edits.items():
            if not 0 <= dim < latents:
                raise ViewError("edits", f"there is no dimension {dim}; there are {latents}")
            if not np.isfinite(value) or abs(value) > 1_000:
                raise ViewError("edits", f"dimension {dim} cannot be held at {value}")


def can_play(checkpoint: Checkpoint) -> str:
    """The reasons why a checkpoint cannot be played; empty if it can."""
    if not checkpoint.model.config.action_size:
        return f"{checkpoint.info.name} is a video model: it knows no actions"
    if not checkpoint.info.environment:
        return f"{checkpoint.info.name} does not say which environment it comes from"
    return ""


def _number(values: Tensor) -> float:
    return round(float(values[0]), 6)
