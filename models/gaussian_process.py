"""A sparse variational Gaussian process (Hensman et al. 2013) with one kernel for all of its outputs."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

PACE = 10.0  # by which numbers are stored smaller: Adam then moves them as fast as logarithms have to go
JITTER = 1e-4  # on the kernel's diagonal, so that nearly equal inducing points do no harm
LEAST_NOISE = 0.1  # the least standard deviation of a posterior in `models.rssm`, which is compared with it


class Foretold(NamedTuple):
    """What a process expects of its outputs, (..., S) each: a Gaussian whose variance has two causes."""

    mean: Tensor
    doubt: Tensor  # standard deviation of the function: large where no data were
    noise: Tensor  # standard deviation around the function: does not go away with more data

    @property
    def std(self) -> Tensor:
        """Standard deviation of an output, (..., S)."""
        return (self.doubt.square() + self.noise.square()).sqrt()

    @property
    def gain(self) -> Tensor:
        """What observing the outputs would tell about the function, in nats, averaged over S: (...)."""
        return 0.5 * torch.log1p((self.doubt / self.noise).square()).mean(-1)

    @property
    def trace(self) -> Tensor:
        """What not knowing the function costs in expected log likelihood, in nats, summed over S: (...)."""
        return 0.5 * (self.doubt / self.noise).square().sum(-1)

    def sample(self, noise: Tensor) -> Tensor:
        """A sample for standard normal `noise` (..., S)."""
        return self.mean + self.std * noise


class SparseProcess(nn.Module):
    """f_s ~ GP(0, scale_s^2 k), k = exp(-|x - x'|^2 / 2) of inputs in units of one length for each of them.

    The posterior is known at M inducing points, whose values are whitened: u = L v with L L' = k(points, points), and
    v_s ~ N(mean_s, diag(spread_s^2)). At x, with a = L^-1 k(points, x): f_s has mean scale_s a'mean_s and variance
    scale_s^2 (1 - a'a + a'diag(spread_s^2) a), which is that of the prior far from all points.
    """

    def __init__(self, inputs: int, outputs: int, points: int) -> None:
        super().__init__()
        self.points = nn.Parameter(torch.randn(points, inputs))
        self.length_stored = nn.Parameter(torch.full((inputs,), 0.5 * math.log(inputs) / PACE))
        self.scale_stored = nn.Parameter(torch.full((outputs,), -0.7 / PACE))
        self.noise_stored = nn.Parameter(torch.zeros(outputs))
        self.mean_stored = nn.Parameter(torch.zeros(points, outputs))
        self.spread_stored = nn.Parameter(torch.zeros(points, outputs))

    @property
    def log_length(self) -> Tensor:
        """Of each input, (I,)."""
        return PACE * self.length_stored

    @property
    def log_scale(self) -> Tensor:
        """Of each output, (S,)."""
        return PACE * self.scale_stored

    @property
    def log_noise(self) -> Tensor:
        """Of each output, (S,); LEAST_NOISE is added to what it is the logarithm of."""
        return PACE * self.noise_stored

    @property
    def mean(self) -> Tensor:
        """Of the whitened inducing values, (M, S)."""
        return PACE * self.mean_stored

    @property
    def log_spread(self) -> Tensor:
        """Of the whitened inducing values, (M, S)."""
        return PACE * self.spread_stored

    def forward(self, inputs: Tensor) -> Foretold:
        """What is expected at inputs (..., I): (..., S) each."""
        whitened = self._whitened(inputs.flatten(0, -2))
        scale = self.log_scale.exp()
        known = (1 - whitened.square().sum(-1, keepdim=True)).clamp(min=0)
        variance = known + whitened.square() @ (2 * self.log_spread).exp()
        doubt = scale * (variance + 1e-8).sqrt()
        shape = (*inputs.shape[:-1], -1)
        mean, noise = scale * (whitened @ self.mean), LEAST_NOISE + self.log_noise.exp()
        return Foretold(mean.view(shape), doubt.view(shape), noise.expand(doubt.shape).view(shape))

    def divergence(self) -> Tensor:
        """KL[posterior || prior] of the inducing values, in nats: ()."""
        return 0.5 * (self.mean.square() + (2 * self.log_spread).exp() - 1 - 2 * self.log_spread).sum()

    def _whitened(self, inputs: Tensor) -> Tensor:
        """L^-1 k(points, inputs), one row for each input: (N, I) -> (N, M)."""
        length = self.log_length.exp()
        points, inputs = self.points / length, inputs / length
        kernel = _kernel(points, points) + JITTER * torch.eye(len(points), device=points.device)
        factor, _ = torch.linalg.cholesky_ex(kernel)  # without an error check, which would wait for a GPU
        whitened: Tensor = torch.linalg.solve_triangular(factor, _kernel(points, inputs), upper=False)
        return whitened.T


def _kernel(left: Tensor, right: Tensor) -> Tensor:
    """exp(-|x - x'|^2 / 2): (M, I), (N, I) -> (M, N)."""
    squares = left.square().sum(-1)[:, None] + right.square().sum(-1)[None] - 2 * left @ right.T
    return (-0.5 * squares.clamp(min=0)).exp()
