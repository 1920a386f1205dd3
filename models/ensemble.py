"""A recurrent model with an ensemble of priors, which disagree about what they have not seen (CMIL, 2405.13193)."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.config import VideoModelConfig
from models.layers import NormGRUCell, mlp
from models.rssm import Unsure, gaussian_of
from models.types import Gaussian, State

DIGITS = 4096  # of the first number of a sample's noise: what remains of it after these draws the member


class Members(NamedTuple):
    """What K members believe about a state's `stoch`, (..., K, S) each: a mixture of equal parts."""

    means: Tensor
    stds: Tensor

    @property
    def mean(self) -> Tensor:
        """The mean of the mixture, (..., S)."""
        return self.means.mean(-2)

    @property
    def std(self) -> Tensor:
        """The standard deviation of the mixture, (..., S): the members' own and that of their means."""
        return (self.stds.square().mean(-2) + self.means.var(-2, unbiased=False)).sqrt()

    @property
    def disagreement(self) -> Tensor:
        """Standard deviation of the members' means, averaged over S: (...)."""
        return (self.means.var(-2, unbiased=False) + 1e-12).sqrt().mean(-1)

    def member(self, noise: Tensor) -> Gaussian:
        """One member for every state, drawn by the last digits of its noise (..., S)."""
        count = self.means.shape[-2]
        place = ((noise[..., :1].abs() * DIGITS).frac() * count).long().clamp(max=count - 1)
        place = place.unsqueeze(-1).expand(*noise.shape[:-1], 1, noise.shape[-1])
        return Gaussian(*(part.gather(-2, place).squeeze(-2) for part in self))

    def sample(self, noise: Tensor) -> Tensor:
        """A sample of that member for standard normal `noise` (..., S)."""
        return self.member(noise).sample(noise)


class EnsembleRSSM(Unsure):
    """A Gaussian RSSM with K priors on one state: means follow their mean, samples one of them, drawn for each state.

    In training, the dynamics loss is that of the drawn member, so that each learns from other states.
    """

    def __init__(self, config: VideoModelConfig) -> None:
        super().__init__()
        self.config = config
        self.enter = nn.Linear(config.stoch + config.action_size, config.hidden)
        self.cell = NormGRUCell(config.hidden, config.deter)
        self.priors = nn.ModuleList(
            mlp(config.deter, config.hidden, 1, 2 * config.stoch) for _ in range(config.members)
        )
        self.posterior_moments = mlp(config.deter + config.latents, config.hidden, 1, 2 * config.stoch)

    def initial(self, batch: int) -> State:
        weight = self.enter.weight
        return State(weight.new_zeros(batch, self.config.deter), weight.new_zeros(batch, self.config.stoch))

    def advance(self, state: State, action: Tensor | None) -> Tensor:
        inputs = state.stoch if action is None else torch.cat([state.stoch, action], -1)
        deter: Tensor = self.cell(functional.elu(self.enter(inputs)), state.deter)
        return deter

    def prior(self, deter: Tensor) -> Members:
        moments = torch.stack([prior(deter) for prior in self.priors], -2)
        return Members(*gaussian_of(moments))

    def doubt(self, deter: Tensor) -> Tensor:
        return self.prior(deter).disagreement

    def guesses(self, deter: Tensor) -> Tensor:
        return self.prior(deter).means

    def posterior(self, deter: Tensor, latent: Tensor) -> Gaussian:
        return gaussian_of(self.posterior_moments(torch.cat([deter, latent], -1)))

    def expected(self, deter: Tensor, noise: Tensor | None) -> Gaussian:
        return super().expected(deter, noise) if noise is None else self.prior(deter).member(noise)
