"""Recurrent state-space model: follow a sequence that is seen (`observe`) or one that is not (`imagine`)."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.config import VideoModelConfig
from models.layers import NormGRUCell
from models.types import Gaussian, State


class Observed(NamedTuple):
    """What the recurrent model believes along a seen sequence, all (B, T, .)."""

    states: State
    prior: Gaussian  # p(z given h), (B, T, S)
    posterior: Gaussian  # q(z given h, bold z), (B, T, S)


def _gaussian(moments: Tensor) -> Gaussian:
    mean, raw = moments.chunk(2, -1)
    return Gaussian(mean, 2 * torch.sigmoid(raw / 2) + 0.1)


class RSSM(nn.Module):
    """Gaussian RSSM with a GRU cell (the paper's h and z); action size 0 makes it action-free.

    Randomness comes in as standard normal noise: without noise the mean is propagated.
    """

    def __init__(self, config: VideoModelConfig) -> None:
        super().__init__()
        self.config = config
        self.enter = nn.Linear(config.stoch + config.action_size, config.hidden)
        self.cell = NormGRUCell(config.hidden, config.deter)
        self.prior_hidden = nn.Linear(config.deter, config.hidden)
        self.prior_moments = nn.Linear(config.hidden, 2 * config.stoch)
        self.posterior_hidden = nn.Linear(config.deter + config.latents, config.hidden)
        self.posterior_moments = nn.Linear(config.hidden, 2 * config.stoch)

    def initial(self, batch: int) -> State:
        """The zero state, (B, .)."""
        weight = self.enter.weight
        return State(weight.new_zeros(batch, self.config.deter), weight.new_zeros(batch, self.config.stoch))

    def advance(self, state: State, action: Tensor | None) -> Tensor:
        """h of the next step: state (B, .), action (B, A) -> deter (B, D)."""
        inputs = state.stoch if action is None else torch.cat([state.stoch, action], -1)
        return self.cell(functional.elu(self.enter(inputs)), state.deter)  # type: ignore[no-any-return] # nn.Module call

    def prior(self, deter: Tensor) -> Gaussian:
        """p(z given h): (..., D) -> Gaussian (..., S)."""
        return _gaussian(self.prior_moments(functional.elu(self.prior_hidden(deter))))

    def posterior(self, deter: Tensor, latent: Tensor) -> Gaussian:
        """q(z given h, bold z): (..., D), (..., Z) -> Gaussian (..., S)."""
        hidden = self.posterior_hidden(torch.cat([deter, latent], -1))
        return _gaussian(self.posterior_moments(functional.elu(hidden)))

    def observe(
        self,
        latent: Tensor,
        action: Tensor | None = None,
        is_first: Tensor | None = None,
        state: State | None = None,
        noise: Tensor | None = None,
    ) -> Observed:
        """Follow latents (B, T, Z) with actions (B, T, A); the state restarts where `is_first` (B, T).

        `noise` (B, T, S) draws z from the posterior; without it the posterior mean goes on.
        """
        batch, length, _ = latent.shape
        state = self.initial(batch) if state is None else state
        steps: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
        for t in range(length):
            step_action = None if action is None else action[:, t]
            if is_first is not None:
                keep = (~is_first[:, t]).to(latent.dtype).unsqueeze(-1)
                state = State(state.deter * keep, state.stoch * keep)
                step_action = None if step_action is None else step_action * keep
            deter = self.advance(state, step_action)
            posterior = self.posterior(deter, latent[:, t])
            stoch = posterior.mean if noise is None else posterior.sample(noise[:, t])
            state = State(deter, stoch)
            steps.append((deter, stoch, posterior.mean, posterior.std))
        deters, stochs, means, stds = (torch.stack(parts, 1) for parts in zip(*steps, strict=True))
        return Observed(State(deters, stochs), self.prior(deters), Gaussian(means, stds))

    def imagine_step(self, state: State, action: Tensor | None = None, noise: Tensor | None = None) -> State:
        """One step without seeing: state (B, .), action (B, A), noise (B, S) or the mean -> state (B, .)."""
        deter = self.advance(state, action)
        prior = self.prior(deter)
        return State(deter, prior.mean if noise is None else prior.sample(noise))

    def imagine(self, state: State, steps: int, action: Tensor | None = None, noise: Tensor | None = None) -> State:
        """Go on from `state` (B, .) for N steps, actions (B, N, A), noise (B, N, S) -> states (B, N, .)."""
        states = []
        for n in range(steps):
            step_action = None if action is None else action[:, n]
            state = self.imagine_step(state, step_action, None if noise is None else noise[:, n])
            states.append(state)
        return State(torch.stack([s.deter for s in states], 1), torch.stack([s.stoch for s in states], 1))
