"""The actor's distribution: a normal truncated to [-1, 1]."""

import math

import torch
from torch import Tensor


class TruncatedNormal:
    """Normal of `mean` and `std` (..., A) cut to [-1, 1], sampled through its inverse distribution function."""

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        self.mean, self.std = mean, std
        self._low, self._high = (-1 - mean) / std, (1 - mean) / std
        self._low_mass = _normal_mass(self._low)
        self._mass = (_normal_mass(self._high) - self._low_mass).clamp(min=1e-6)

    @property
    def mode(self) -> Tensor:
        """The most likely action, (..., A): the mean lies inside the bounds."""
        return self.mean

    def sample(self, uniform: Tensor) -> Tensor:
        """Reparametrised sample for uniform noise (..., A) in [0, 1) -> (..., A) in [-1, 1]."""
        mass = (self._low_mass + uniform * self._mass).clamp(1e-6, 1 - 1e-6)
        quantile = torch.erfinv(2 * mass - 1) * math.sqrt(2)
        return (self.mean + self.std * quantile).clamp(-1, 1)

    def log_prob(self, action: Tensor) -> Tensor:
        """Log density, summed over A: (..., A) -> (...)."""
        distance = (action - self.mean) / self.std
        density = -0.5 * distance.square() - 0.5 * math.log(2 * math.pi) - self.std.log() - self._mass.log()
        return density.sum(-1)

    def entropy(self) -> Tensor:
        """Differential entropy in nats, summed over A: (..., A) -> (...)."""
        edge = (self._low * _density(self._low) - self._high * _density(self._high)) / (2 * self._mass)
        return (0.5 * math.log(2 * math.pi * math.e) + (self.std * self._mass).log() + edge).sum(-1)


def _normal_mass(value: Tensor) -> Tensor:
    return 0.5 * (1 + torch.erf(value / math.sqrt(2)))


def _density(value: Tensor) -> Tensor:
    return torch.exp(-0.5 * value.square()) / math.sqrt(2 * math.pi)
