"""Tells an expert's steps from imagined ones (adversarial imitation, as in CMIL, arXiv 2405.13193)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.layers import mlp


class Discriminator(nn.Module):
    """D(state, action) of one step: the chance that it is an expert's, as a logit."""

    def __init__(self, feature: int, action_size: int, units: int = 200) -> None:
        super().__init__()
        self.net = mlp(feature + action_size, units, 2, 1)

    def forward(self, feature: Tensor, action: Tensor) -> Tensor:
        """(..., F), (..., A) -> (...)."""
        logit: Tensor = self.net(torch.cat([feature, action], -1))
        return logit.squeeze(-1)

    def loss(
        self,
        expert: tuple[Tensor, Tensor],
        imagined: tuple[Tensor, Tensor],
        blur: float,
        generator: torch.Generator | None,
    ) -> Tensor:
        """Binary cross entropy of M expert and M' imagined steps, each (M, F) and (M, A): (), the mean of both sides.

        Noise of standard deviation `blur` is added to all inputs, without which D soon tells both apart everywhere.
        """
        sides = []
        for steps, label in ((expert, 1.0), (imagined, 0.0)):
            logit = self(*(_blurred(part.detach(), blur, generator) for part in steps))
            sides.append(functional.binary_cross_entropy_with_logits(logit, torch.full_like(logit, label)))
        return 0.5 * (sides[0] + sides[1])


def _blurred(part: Tensor, blur: float, generator: torch.Generator | None) -> Tensor:
    return part + blur * torch.randn(part.shape, generator=generator, device=part.device)
