"""Behavioural cloning in a world model's states: the baseline D-BC of DITTO (arXiv 2302.03086)."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from backend.pipeline.methods.behaviour import Behaviour
from backend.pipeline.methods.parts import Parts, Source, sizes_of, standard_parts
from backend.pipeline.settings import LearningSettings
from models.actor_critic import ActorCritic, Imagined
from models.rssm import Observed
from models.types import Batch


def build(settings: LearningSettings, _source: Source | None, action_size: int) -> Parts:
    """A new world model, and a policy that learns the expert's actions; nothing is imagined."""
    parts = standard_parts(settings, sizes_of(settings, action_size))
    return replace(parts, behaviour=Behaviour(None, (Cloning(1.0, settings.entropy),)))


class Cloning:
    """-log p of the expert's next action in each of its states, minus some entropy."""

    def __init__(self, weight: float, entropy: float = 0.0) -> None:
        self._weight, self._entropy = weight, entropy
        self._feature, self._action = torch.zeros(0), torch.zeros(0)

    def begin(self, observed: Observed, batch: Batch) -> None:
        """Keeps the states (B, T - 1, .) and the actions that the expert took in them: action[t + 1] in state t."""
        self._feature = observed.states.feature[:, :-1]
        self._action = batch.action[:, 1:]

    def losses(
        self, actor_critic: ActorCritic, _imagined: Imagined | None = None, _rows: slice = slice(None)
    ) -> Mapping[str, Tensor]:
        """The actor's loss of each of these states, (B, T - 1)."""
        policy = actor_critic.policy(self._feature)
        return {"actor": -self._weight * policy.log_prob(self._action) - self._entropy * policy.entropy()}
