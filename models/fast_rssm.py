"""The RSSM that models are built with: in training, it takes few operations per step."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from models.config import VideoModelConfig
from models.distributions import TruncatedNormal
from models.ensemble import EnsembleRSSM
from models.imagine_scan import imagine_scan
from models.observe_scan import observe_scan
from models.process_rssm import ProcessRSSM
from models.rssm import RSSM, Observed, Recurrence, StackedRSSM
from models.tasks import TaskRSSM
from models.types import State


class FastRSSM(RSSM):
    """An `RSSM` with the same weights and values; gradients through many steps are computed by hand."""

    def observe_whole(
        self, latent: Tensor, action: Tensor | None, is_first: Tensor, noise: Tensor | None = None
    ) -> Observed:
        if torch.is_grad_enabled():
            return observe_scan(self, latent, action, is_first, noise)
        return super().observe_whole(latent, action, is_first, noise)

    def follow_actor(
        self,
        actor: nn.Sequential,
        policy_of: Callable[[Tensor], TruncatedNormal],
        start: State,
        uniform: Tensor,
        noise: Tensor,
        seen: slice,
    ) -> tuple[State, Tensor]:
        if not isinstance(actor[0], nn.Linear):  # hints are no layers that the scan knows
            return super().follow_actor(actor, policy_of, start, uniform, noise, seen)
        assert (seen.start or 0, seen.stop) == (0, self.config.feature), "nothing is underneath"
        return imagine_scan(actor, policy_of, self, start, uniform, noise)


def recurrence_of(config: VideoModelConfig) -> Recurrence:
    """The recurrent model of a configuration."""
    if config.members:
        return EnsembleRSSM(config)
    if config.inducing:
        return ProcessRSSM(config)
    if config.tasks:
        return TaskRSSM(config)
    return StackedRSSM(config) if config.below_deter else FastRSSM(config)
