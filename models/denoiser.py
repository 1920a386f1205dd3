"""A diffusion model of the next z around a Gaussian: several outcomes, where one Gaussian would lie between them."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.layers import mlp
from models.rssm import Recurrence
from models.types import Belief, Gaussian, State

DRAWS = 4  # fixed draws whose spread stands for how unsure the model is


class Denoiser(nn.Module):
    """Turns noise into a draw of y, where z = mean + std y of the Gaussian prior, in K steps.

    y at angle t is cos(t) y + sin(t) e; the network foretells its velocity cos(t) e - sin(t) y (Salimans and Ho 2022).
    It starts as 0, which leaves noise as it is: the first draws are those of the Gaussian itself.
    """

    def __init__(self, stoch: int, deter: int, hidden: int, steps: int) -> None:
        super().__init__()
        self.stoch, self.steps = stoch, steps
        self.net = mlp(stoch + deter + 2, hidden, 2, stoch)
        last = self.net[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def velocity(self, mixed: Tensor, deter: Tensor, angle: Tensor) -> Tensor:
        """(..., S), (..., D), (..., 1) -> (..., S)."""
        found: Tensor = self.net(torch.cat([mixed, deter, angle.cos(), angle.sin()], -1))
        return found

    def loss(self, y: Tensor, deter: Tensor, generator: torch.Generator | None) -> Tensor:
        """Squared error of the velocity at an angle drawn for each row, mean over S: (..., S), (..., D) -> (...)."""
        noise = torch.randn(y.shape, generator=generator, device=y.device)
        chance = torch.rand((*y.shape[:-1], 1), generator=generator, device=y.device)
        angle = 0.5 * math.pi * chance
        mixed = angle.cos() * y + angle.sin() * noise
        wanted = angle.cos() * noise - angle.sin() * y
        return (self.velocity(mixed, deter, angle) - wanted).square().mean(-1)

    def denoised(self, deter: Tensor, noise: Tensor) -> Tensor:
        """A draw of y for standard normal `noise`, in Euler steps from pi / 2 to 0: (..., D), (..., S) -> (..., S)."""
        step, y = 0.5 * math.pi / self.steps, noise
        for number in range(self.steps, 0, -1):
            angle = y.new_full((*y.shape[:-1], 1), number * step)
            y = y - step * self.velocity(y, deter, angle)
        return y


class Denoised(NamedTuple):
    """What a denoiser believes about a state's z, (..., S)."""

    gaussian: Gaussian  # that it starts from
    denoiser: Denoiser
    deter: Tensor

    @property
    def draws(self) -> Tensor:
        """The same draws at every call, DRAWS in front: (DRAWS, ..., S)."""
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(DRAWS, self.denoiser.stoch, generator=generator).to(self.deter.device)
        shape = (DRAWS, *[1] * (self.deter.dim() - 1), self.denoiser.stoch)
        expanded = noise.view(shape).expand(DRAWS, *self.gaussian.mean.shape)
        y = self.denoiser.denoised(self.deter.expand(DRAWS, *self.deter.shape), expanded)
        return self.gaussian.mean + self.gaussian.std * y

    @property
    def mean(self) -> Tensor:
        """The mean of those draws."""
        return self.draws.mean(0)

    @property
    def std(self) -> Tensor:
        """Their standard deviation."""
        return (self.draws.var(0, unbiased=False) + 1e-12).sqrt()

    def sample(self, noise: Tensor) -> Tensor:
        """A draw for standard normal `noise` (..., S)."""
        return self.gaussian.mean + self.gaussian.std * self.denoiser.denoised(self.deter, noise)


class DiffusedDream(Recurrence):
    """Dynamics with the denoiser's draws in place of the Gaussian's."""

    def __init__(self, dynamics: Recurrence, denoiser: Denoiser) -> None:
        super().__init__()
        self.dynamics, self.denoiser = dynamics, denoiser

    def initial(self, batch: int) -> State:
        return self.dynamics.initial(batch)

    def advance(self, state: State, action: Tensor | None) -> Tensor:
        return self.dynamics.advance(state, action)

    def prior(self, deter: Tensor) -> Denoised:
        belief = self.dynamics.prior(deter)
        return Denoised(Gaussian(belief.mean, belief.std), self.denoiser, deter)

    def posterior(self, deter: Tensor, latent: Tensor) -> Belief:
        return self.dynamics.posterior(deter, latent)
