"""A hint to an actor: what the sources of several teachers would do in a state (Vid2Act, arXiv 2306.03360)."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.layers import mlp
from models.losses import latent_kl
from models.types import Gaussian

CHOICE_UNITS = 64
LEAST_LOG_STD, MOST_LOG_STD = -4.0, 2.0
KL_WEIGHT = 0.5


class SourceBatch(NamedTuple):
    """States in the student's features (N, F), a source's actions in them (N, A), and the index of the source (N,)."""

    feature: Tensor
    action: Tensor
    source: Tensor


class ActionMemory(nn.Module):
    """A conditional VAE of the actions of n sources, and the choice of a source for a state of the student.

    A hint is the decoder's last hidden layer for the mean code and the chosen source. The choice learns the gate's
    weights from the student's features alone, so that a policy acts without its teachers.
    """

    def __init__(self, sources: int, feature: int, action_size: int, hint: int, units: int) -> None:
        super().__init__()
        self.sources, self._code = sources, 2 * action_size
        self.encode = mlp(feature + action_size + sources, units, 2, 2 * self._code)
        self.hidden = nn.Sequential(
            nn.Linear(feature + self._code + sources, units), nn.ELU(), nn.Linear(units, hint), nn.ELU()
        )
        self.act = nn.Linear(hint, action_size)
        self.choice = mlp(feature, CHOICE_UNITS, 1, sources)

    def hint(self, feature: Tensor) -> Tensor:
        """The hint of the chosen source in a state: (..., F) -> (..., hint)."""
        return self._remembered(feature, self.choice(feature).argmax(-1), feature.new_zeros(()))

    def remembered(self, feature: Tensor, source: Tensor) -> Tensor:
        """The action that a source would take: (..., F), (...) -> (..., A)."""
        action: Tensor = self.act(self._remembered(feature, source, feature.new_zeros(())))
        return torch.tanh(action)

    def loss(self, batch: SourceBatch, noise: Tensor) -> Tensor:
        """Squared error of the actions plus half the KL of the code, (N,); `noise` is (N, 2 A)."""
        feature, action, source = batch
        mean, log_std = self.encode(torch.cat([feature, action, self._one_hot(source)], -1)).chunk(2, -1)
        code = Gaussian(mean, log_std.clamp(LEAST_LOG_STD, MOST_LOG_STD).exp())
        said = torch.tanh(self.act(self._remembered(feature, source, code.sample(noise))))
        return (said - action).square().sum(-1) + KL_WEIGHT * latent_kl(code) / self._code

    def choice_loss(self, feature: Tensor, weights: Tensor) -> Tensor:
        """Cross entropy of the choice in the student's states (..., F) with the gate's weights (n, ...): (...)."""
        chosen: Tensor = self.choice(feature)
        return -(weights.movedim(0, -1) * chosen.log_softmax(-1)).sum(-1)

    def noise(self, count: int, generator: torch.Generator | None, device: torch.device) -> Tensor:
        """Standard normal noise for `loss`, (count, 2 A)."""
        return torch.randn((count, self._code), generator=generator, device=device)

    def _remembered(self, feature: Tensor, source: Tensor, code: Tensor) -> Tensor:
        spread = code.expand(*feature.shape[:-1], self._code)
        found: Tensor = self.hidden(torch.cat([feature, spread, self._one_hot(source)], -1))
        return found

    def _one_hot(self, source: Tensor) -> Tensor:
        return functional.one_hot(source, self.sources).to(self.act.weight.dtype)


class Hinting(nn.Module):
    """A state's feature with its hint beside it: the first layer of an actor, whose optimiser leaves hints alone."""

    def __init__(self, memory: ActionMemory) -> None:
        super().__init__()
        self._memory = [memory]  # in a list: its weights are not the actor's

    def forward(self, feature: Tensor) -> Tensor:
        """(..., F) -> (..., F + hint)."""
        (memory,) = self._memory
        return torch.cat([feature, memory.hint(feature)], -1)
