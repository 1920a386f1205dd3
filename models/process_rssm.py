"""A recurrent model without a recurrent network: a Gaussian process of the last two states and the action."""

import torch
from torch import Tensor, nn

from models.config import VideoModelConfig
from models.gaussian_process import Foretold, SparseProcess
from models.layers import mlp
from models.rssm import Unsure, gaussian_of
from models.types import Gaussian, State

GUESSES = 8
MOST_FRAMES = 3  # of a state's age: nothing before it, one frame, two or more


def process_deter(stoch: int, action_size: int) -> int:
    """Size of `deter`, which is what the process sees: the last z, its last step, the action, and a state's age."""
    return 2 * stoch + action_size + 1


class ProcessRSSM(Unsure):
    """z[t] = z[t-1] + f(z[t-1], z[t-1] - z[t-2], action[t]) + noise, f a sparse Gaussian process.

    The first state of an episode has a Gaussian of its own, since nothing is known before it. In training, the dynamics
    loss is that of f's mean; `Foretold.trace` and `SparseProcess.divergence` complete the variational bound.
    """

    def __init__(self, config: VideoModelConfig) -> None:
        super().__init__()
        if config.deter != process_deter(config.stoch, config.action_size):
            raise ValueError(f"deter {config.deter} is not what a process of these sizes sees")
        self.config = config
        self.process = SparseProcess(config.deter - 1, config.stoch, config.inducing)
        self.first_mean = nn.Parameter(torch.zeros(config.stoch))
        self.log_first_std = nn.Parameter(torch.zeros(config.stoch))
        self.posterior_moments = mlp(config.deter + config.latents, config.hidden, 1, 2 * config.stoch)

    def initial(self, batch: int) -> State:
        like = self.first_mean
        return State(like.new_zeros(batch, self.config.deter), like.new_zeros(batch, self.config.stoch))

    def advance(self, state: State, action: Tensor | None) -> Tensor:
        before, age = state.deter[..., : self.config.stoch], state.deter[..., -1:]
        step = (state.stoch - before) * (age > 1.5 / MOST_FRAMES)
        led = state.stoch[..., :0] if action is None else action
        return torch.cat([state.stoch, step, led, (age + 1 / MOST_FRAMES).clamp(max=1)], -1)

    def prior(self, deter: Tensor) -> Foretold:
        mean, doubt, noise = self.process(deter[..., :-1])
        first = deter[..., -1:] < 1.5 / MOST_FRAMES
        return Foretold(
            torch.where(first, self.first_mean, deter[..., : self.config.stoch] + mean),
            torch.where(first, torch.zeros_like(doubt), doubt),
            torch.where(first, self.log_first_std.exp(), noise),
        )

    def doubt(self, deter: Tensor) -> Tensor:
        return self.prior(deter).doubt.mean(-1)

    def guesses(self, deter: Tensor) -> Tensor:
        belief, generator = self.prior(deter), torch.Generator().manual_seed(0)
        drawn = torch.randn(GUESSES, self.config.stoch, generator=generator).to(deter.device)
        return belief.mean.unsqueeze(-2) + belief.doubt.unsqueeze(-2) * drawn

    def posterior(self, deter: Tensor, latent: Tensor) -> Gaussian:
        bounded = torch.tanh(deter)  # else z could grow from step to step, as nothing here saturates
        return gaussian_of(self.posterior_moments(torch.cat([bounded, latent], -1)))

    def expected(self, deter: Tensor, noise: Tensor | None) -> Gaussian:
        belief = self.prior(deter)
        return Gaussian(belief.mean, belief.std if noise is None else belief.noise)
