"""DITTO (arXiv 2302.03086): offline imitation, rewarded in imagination for states that are like the expert's."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from backend.pipeline.methods.behaviour import Behaviour
from backend.pipeline.methods.parts import Parts, Source, sizes_of, standard_parts
from backend.pipeline.methods.sections.ditto import LikenessSection
from backend.pipeline.settings import LearningSettings
from models.actor_critic import Imagined
from models.distributions import TruncatedNormal
from models.likeness import likeness, windows
from models.rssm import Observed, Recurrence
from models.types import Batch, Belief, State
from models.world_model import WorldModel


def build(settings: LearningSettings, _source: Source | None, action_size: int) -> Parts:
    """A new world model, and a policy that is rewarded for a `deter` like the expert's at the same step."""
    parts = standard_parts(settings, sizes_of(settings, action_size))
    judge = LikeExpert(settings.horizon, above_chance=settings.own(LikenessSection).likeness_above_chance)
    return replace(parts, behaviour=Behaviour(judge, dream=Means(parts.world_model.rssm)))


class LikeExpert:
    """Imagines from every state of the expert that enough others follow; step n earns its likeness to the n-th."""

    def __init__(self, horizon: int, *, above_chance: bool = False) -> None:
        self._horizon, self._above_chance = horizon, above_chance
        self._expert = torch.zeros(0)  # (W, N, D)

    def begin(self, observed: Observed, _batch: Batch) -> State:
        """The expert's states (W, .) of a batch of its episodes."""
        start, self._expert = windows(observed.states, self._horizon)
        return start

    def reward(self, _world_model: WorldModel, imagined: Imagined, rows: slice) -> Tensor:
        """The likeness of each imagined step, (b, N)."""
        deter = imagined.states.deter[:, 1:]
        earned = likeness(deter, self._expert[rows])
        if not self._above_chance:
            return earned
        return earned - likeness(deter, self._expert.roll(len(self._expert) // 2, 0)[rows])


class Means(Recurrence):
    """The same dynamics without noise: expert and policy would draw different noise and could never be alike."""

    def __init__(self, dynamics: Recurrence) -> None:
        super().__init__()
        self.dynamics = dynamics

    def initial(self, batch: int) -> State:
        return self.dynamics.initial(batch)

    def advance(self, state: State, action: Tensor | None) -> Tensor:
        return self.dynamics.advance(state, action)

    def prior(self, deter: Tensor) -> Belief:
        return self.dynamics.prior(deter)

    def posterior(self, deter: Tensor, latent: Tensor) -> Belief:
        return self.dynamics.posterior(deter, latent)

    def follow_actor(
        self,
        actor: nn.Sequential,
        policy_of: Callable[[Tensor], TruncatedNormal],
        start: State,
        uniform: Tensor,
        noise: Tensor,
        seen: slice,
    ) -> tuple[State, Tensor]:
        return self.dynamics.follow_actor(actor, policy_of, start, uniform, torch.zeros_like(noise), seen)
