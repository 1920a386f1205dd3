"""CMIL (arXiv 2405.13193): adversarial imitation in imagination, where an ensemble of dynamics agrees, and cloning."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from backend.pipeline.methods.behaviour import Behaviour
from backend.pipeline.methods.cloning import Cloning
from backend.pipeline.methods.parts import Parts, Source, sizes_of, standard_parts
from backend.pipeline.methods.sections.cmil import ConservativeSection
from backend.pipeline.settings import LearningSettings
from models.actor_critic import Imagined
from models.discriminator import Discriminator
from models.ensemble import EnsembleRSSM
from models.rssm import Observed
from models.types import Batch, State
from models.world_model import WorldModel


def build(settings: LearningSettings, _source: Source | None, action_size: int) -> Parts:
    """A world model with an ensemble of priors; imagined steps earn the discriminator's output minus a penalty."""
    own = settings.own(ConservativeSection)
    sizes = replace(sizes_of(settings, action_size), members=own.members)
    parts = standard_parts(settings, sizes)
    discriminator = Discriminator(sizes.feature, action_size, own.discriminator_units)
    judge = Conservative(discriminator, own.disagreement_fine, own.discriminator_noise, own.discriminator_rate)
    return replace(
        parts,
        behaviour=Behaviour(judge, (Cloning(own.cloning_weight),), rival=judge),
        companions={**parts.companions, "discriminator": discriminator},
    )


class Conservative:
    """Imagines from every state of the demonstrations; a step earns sigmoid D minus the penalty for disagreement.

    It is both judge and rival: the discriminator learns from the expert's steps and those just imagined.
    """

    def __init__(self, discriminator: Discriminator, fine: float, blur: float, rate: float) -> None:
        self.network: nn.Module = discriminator
        self.rate = rate
        self._discriminator, self._fine, self._blur = discriminator, fine, blur
        self._expert = torch.zeros(0), torch.zeros(0)

    def begin(self, observed: Observed, batch: Batch) -> State:
        """The expert's states (B * T, .); its steps are each state but the last with the action taken in it."""
        self._expert = observed.states.feature[:, :-1].flatten(0, 1), batch.action[:, 1:].flatten(0, 1)
        return observed.states.flatten()

    def reward(self, world_model: WorldModel, imagined: Imagined, _rows: slice) -> Tensor:
        """Sigmoid D of the step, minus the penalty times the ensemble's disagreement about the next state, (b, N)."""
        left = imagined.states.feature[:, :-1]
        logit: Tensor = self._discriminator(left, imagined.action)
        earned = torch.sigmoid(logit)
        if not self._fine:
            return earned
        assert isinstance(world_model.rssm, EnsembleRSSM)
        return earned - self._fine * world_model.rssm.prior(imagined.states.deter[:, 1:]).disagreement

    def loss(self, imagined: Imagined, generator: torch.Generator | None) -> Tensor:
        """The discriminator's, ()."""
        steps = imagined.states.feature[:, :-1].flatten(0, 1), imagined.action.flatten(0, 1)
        return self._discriminator.loss(self._expert, steps, self._blur, generator)
