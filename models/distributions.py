"""The actor's distribution: a normal truncated to [-1, 1]."""

import math

import torch
from torch import Tensor


class TruncatedNormal:
    """Normal of `mean` in [-1, 1] and `std`, (..., A) each, cut to [-1, 1]."""

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        self.mean, self.std = mean, std

    @property
    def mode(self) -> Tensor:
        """The most likely action, (..., A): the mean lies inside the bounds."""
        return self.mean

    def sample(self, uniform: Tensor) -> Tensor:
        """Reparametrised sample for uniform noise (..., A) in [0, 1) -> (..., A) in [-1, 1].

        Uses the inverse distribution function in few operations, since every imagined step needs it.
        """
        width = self.std * math.sqrt(2)
        low, high = torch.erf((-1 - self.mean) / width), torch.erf((1 - self.mean) / width)
        quantile = torch.erfinv(torch.lerp(low, high, uniform).clamp(-1 + 2e-6, 1 - 2e-6))
        return torch.addcmul(self.mean, width, quantile).clamp(-1, 1)

    def log_prob(self, action: Tensor) -> Tensor:
        """Log density, summed over A: (..., A) -> (...)."""
        distance = (action - self.mean) / self.std
        density = -0.5 * distance.square() - 0.5 * math.log(2 * math.pi) - self.std.log() - self._mass.log()
        return density.sum(-1)

    def entropy(self) -> Tensor:
        """Differential entropy in nats, summed over A: (..., A) -> (...)."""
        low, high, mass = self._low, self._high, self._mass
        edge = (low * _density(low) - high * _density(high)) / (2 * mass)
        return (0.5 * math.log(2 * math.pi * math.e) + (self.std * mass).log() + edge).sum(-1)

    @property
    def _low(self) -> Tensor:
        return (-1 - self.mean) / self.std

    @property
    def _high(self) -> Tensor:
        return (1 - self.mean) / self.std

    @property
    def _mass(self) -> Tensor:
        """The probability of the untruncated normal between the bounds."""
        return 0.5 * (torch.erf(self._high / math.sqrt(2)) - torch.erf(self._low / math.sqrt(2)))


def _density(value: Tensor) -> Tensor:
    return torch.exp(-0.5 * value.square()) / math.sqrt(2 * math.pi)
