"""A model with actions on top of an action-free one, and a bonus for what is new to it: apv, contextwm."""

from dataclasses import replace

import torch
from torch import nn

from backend.pipeline.methods.parts import Parts, Source, pretrained_of, sizes_of, standard_parts, unconstrained
from backend.pipeline.methods.sections.apv import BonusSection
from backend.pipeline.settings import LearningSettings
from models.novelty import NeighbourBonus
from models.rssm import StackedRSSM
from models.types import Batch, normalise
from models.world_model import WorldModel


def stacked_parts(settings: LearningSettings, source: Source | None, action_size: int) -> Parts:
    """The pretrained model below, a new one with actions on its features, and the intrinsic bonus."""
    pretrained = pretrained_of(source)
    below = pretrained.config
    sizes = replace(
        sizes_of(settings, action_size),
        latents=below.latents,
        kernels=below.kernels,
        vision=below.vision,
        below_stoch=below.stoch,
        below_deter=below.deter,
        below_hidden=below.hidden,
    )
    parts = unconstrained(standard_parts(settings, sizes))
    stacked = _stacked(parts.world_model)
    parts.world_model.encoder.load_state_dict(pretrained.encoder.state_dict())
    stacked.below.load_state_dict(pretrained.rssm.state_dict())
    own = settings.own(BonusSection)
    neighbours = NeighbourBonus(below.feature, own.bonus_size, own.bonus_queue, own.bonus_neighbours, own.bonus_length)
    bonus = IntrinsicBonus(parts.world_model, neighbours, own.bonus_weight)
    return replace(parts, prepare=(bonus,), companions={**parts.companions, "bonus": bonus})


class IntrinsicBonus(nn.Module):
    """Adds to the rewards of a batch how new its video is to the action-free model underneath."""

    def __init__(self, world_model: WorldModel, neighbours: NeighbourBonus, weight: float) -> None:
        super().__init__()
        self.neighbours = neighbours
        self._world_model = [world_model]  # in a list: its weights are not this module's
        self._weight = weight

    @torch.no_grad()
    def forward(self, batch: Batch) -> Batch:
        """The batch with other rewards."""
        (world_model,) = self._world_model
        latent = world_model.encode(normalise(batch.image)).mean
        observed = world_model.observe(latent, batch.action, batch.is_first)
        below, _ = _stacked(world_model).apart(observed.states)
        return batch._replace(reward=batch.reward + self._weight * self.neighbours(below.feature))


def _stacked(world_model: WorldModel) -> StackedRSSM:
    assert isinstance(world_model.rssm, StackedRSSM)
    return world_model.rssm
