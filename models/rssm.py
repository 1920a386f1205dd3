"""Recurrent state-space model: follow a sequence of observations (`observe`) or predict one (`imagine`)."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.config import VideoModelConfig
from models.distributions import TruncatedNormal
from models.layers import NormGRUCell
from models.types import Belief, Gaussian, State


class Observed(NamedTuple):
    """What the recurrent model believes along an observed sequence, all (B, T, .)."""

    states: State
    prior: Gaussian  # p(z given h), (B, T, S)
    posterior: Gaussian  # q(z given h, bold z), (B, T, S)


def gaussian_of(moments: Tensor) -> Gaussian:
    """The belief that a layer's outputs stand for: (..., 2 S) -> (..., S)."""
    mean, raw = moments.chunk(2, -1)
    return Gaussian(mean, 2 * torch.sigmoid(raw / 2) + 0.1)


class Recurrence(nn.Module, ABC):
    """Four steps of a belief, and built on them: following an observed sequence, or continuing without observations.

    Randomness is passed in as standard normal noise: without noise the mean is propagated.
    """

    @abstractmethod
    def initial(self, batch: int) -> State:
        """The zero state, (B, .)."""

    @abstractmethod
    def advance(self, state: State, action: Tensor | None) -> Tensor:
        """h of the next step: state (B, .), action (B, A) -> deter (B, D)."""

    @abstractmethod
    def prior(self, deter: Tensor) -> Belief:
        """p(z given h): (..., D) -> (..., S)."""

    @abstractmethod
    def posterior(self, deter: Tensor, latent: Tensor) -> Belief:
        """q(z given h, bold z): (..., D), (..., Z) -> (..., S)."""

    def draw(self, belief: Belief, noise: Tensor | None) -> Tensor:
        """z of a belief (..., S): a sample with `noise`, the mean without."""
        return belief.mean if noise is None else belief.sample(noise)

    def restarted(self, state: State, keep: Tensor) -> State:
        """The state (B, .) where `keep` (B, 1) is 1, the first state of an episode where it is 0."""
        return State(state.deter * keep, state.stoch * keep)

    def observe(
        self,
        latent: Tensor,
        action: Tensor | None = None,
        is_first: Tensor | None = None,
        state: State | None = None,
        noise: Tensor | None = None,
    ) -> Observed:
        """Follow latents (B, T, Z) with actions (B, T, A); the state restarts where `is_first` (B, T).

        `noise` (B, T, S) draws z from the posterior; without it the posterior mean is propagated.
        """
        batch, length, _ = latent.shape
        state = self.initial(batch) if state is None else state
        keep = None if is_first is None else (~is_first).to(latent.dtype).unsqueeze(-1)
        action = action if action is None or keep is None else action * keep
        steps: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
        for t in range(length):
            if keep is not None:
                state = self.restarted(state, keep[:, t])
            deter = self.advance(state, None if action is None else action[:, t])
            posterior = self.posterior(deter, latent[:, t])
            stoch = self.draw(posterior, None if noise is None else noise[:, t])
            state = State(deter, stoch)
            steps.append((deter, stoch, posterior.mean, posterior.std))
        deters, stochs, means, stds = (torch.stack(parts, 1) for parts in zip(*steps, strict=True))
        return Observed(State(deters, stochs), self.expected(deters, noise), Gaussian(means, stds))

    def expected(self, deter: Tensor, noise: Tensor | None) -> Gaussian:  # noqa: ARG002 # kinds that learn by it use it
        """The prior that posteriors drawn with `noise` (B, T, S) are compared with, for h (B, T, D)."""
        prior = self.prior(deter)
        return Gaussian(prior.mean, prior.std)

    def observe_whole(
        self, latent: Tensor, action: Tensor | None, is_first: Tensor, noise: Tensor | None = None
    ) -> Observed:
        """`observe` of sequences that begin with the zero state, as in training."""
        return self.observe(latent, action, is_first, noise=noise)

    def imagine_step(self, state: State, action: Tensor | None = None, noise: Tensor | None = None) -> State:
        """One step without an observation: state (B, .), action (B, A), noise (B, S) or the mean -> state (B, .)."""
        deter = self.advance(state, action)
        return State(deter, self.draw(self.prior(deter), noise))

    def imagine(self, state: State, steps: int, action: Tensor | None = None, noise: Tensor | None = None) -> State:
        """Continue from `state` (B, .) for N steps, actions (B, N, A), noise (B, N, S) -> states (B, N, .)."""
        states = []
        for n in range(steps):
            step_action = None if action is None else action[:, n]
            state = self.imagine_step(state, step_action, None if noise is None else noise[:, n])
            states.append(state)
        return State(torch.stack([s.deter for s in states], 1), torch.stack([s.stoch for s in states], 1))

    def follow_actor(
        self,
        actor: nn.Sequential,
        policy_of: Callable[[Tensor], TruncatedNormal],
        start: State,
        uniform: Tensor,
        noise: Tensor,
        seen: slice,
    ) -> tuple[State, Tensor]:
        """Continue from `start` (B, .) under an actor that sees `seen` of a state's feature.

        `uniform` (B, N, A) draws actions, `noise` (B, N, S) states. Returns the states, `start` first, (B, N + 1, .),
        and the actor's outputs in all except the last, (B, N, 2 A).
        """
        state, states, outputs = start, [start], []
        for chance, more in zip(uniform.unbind(1), noise.unbind(1), strict=True):
            outputs.append(actor(state.feature.detach()[..., seen]))
            state = self.imagine_step(state, policy_of(outputs[-1]).sample(chance), more)
            states.append(state)
        deter, stoch = (torch.stack(parts, 1) for parts in zip(*states, strict=True))
        return State(deter, stoch), torch.stack(outputs, 1)


class Unsure(Recurrence, ABC):
    """Dynamics that say how unsure they are about a state because of what they have not seen, not because of noise."""

    @abstractmethod
    def doubt(self, deter: Tensor) -> Tensor:
        """How unsure about z given h, averaged over S: (..., D) -> (...)."""

    @abstractmethod
    def guesses(self, deter: Tensor) -> Tensor:
        """K means of z given h that are equally plausible, the same at every call: (..., D) -> (..., K, S)."""


class RSSM(Recurrence):
    """Gaussian RSSM with a GRU cell (the paper's h and z); action size 0 makes it action-free."""

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
        return self.cell(functional.elu(self.enter(inputs), inplace=True), state.deter)  # type: ignore[no-any-return] # nn.Module call

    def prior(self, deter: Tensor) -> Gaussian:
        """p(z given h): (..., D) -> Gaussian (..., S)."""
        return gaussian_of(self.prior_moments(functional.elu(self.prior_hidden(deter), inplace=True)))

    def posterior(self, deter: Tensor, latent: Tensor) -> Gaussian:
        """q(z given h, bold z): (..., D), (..., Z) -> Gaussian (..., S)."""
        hidden = self.posterior_hidden(torch.cat([deter, latent], -1))
        return gaussian_of(self.posterior_moments(functional.elu(hidden, inplace=True)))


class StackedRSSM(Recurrence):
    """A recurrent model with actions on top of the features of an action-free one (APV).

    Both share one state: `stoch` is [below, above], `deter` is [above, below], so that what belongs to the upper
    model is one piece of the feature. The lower model propagates means, and gets no actions in imagination either.
    """

    def __init__(self, config: VideoModelConfig) -> None:
        super().__init__()
        self.config = config
        self.below = RSSM(config.below)
        self.above = RSSM(config.above)

    def initial(self, batch: int) -> State:
        return _stacked(self.below.initial(batch), self.above.initial(batch))

    def advance(self, state: State, action: Tensor | None) -> Tensor:
        below, above = self.apart(state)
        return torch.cat([self.above.advance(above, action), self.below.advance(below, None)], -1)

    def prior(self, deter: Tensor) -> Gaussian:
        above, below = self._deters(deter)
        return _side_by_side(self.below.prior(below), self.above.prior(above))

    def posterior(self, deter: Tensor, latent: Tensor) -> Gaussian:
        above, below = self._deters(deter)
        seen = self.below.posterior(below, latent)
        feature = State(below, seen.mean).feature
        return _side_by_side(seen, self.above.posterior(above, feature))

    def draw(self, belief: Belief, noise: Tensor | None) -> Tensor:
        drawn = super().draw(belief, noise)
        below = self.config.below_stoch
        return torch.cat([belief.mean[..., :below], drawn[..., below:]], -1)

    def apart(self, state: State) -> tuple[State, State]:
        """The states of the lower and of the upper model."""
        above, below = self._deters(state.deter)
        size = self.config.below_stoch
        return State(below, state.stoch[..., :size]), State(above, state.stoch[..., size:])

    def _deters(self, deter: Tensor) -> tuple[Tensor, Tensor]:
        return deter[..., : self.config.deter], deter[..., self.config.deter :]


def _stacked(below: State, above: State) -> State:
    return State(torch.cat([above.deter, below.deter], -1), torch.cat([below.stoch, above.stoch], -1))


def _side_by_side(left: Gaussian, right: Gaussian) -> Gaussian:
    return Gaussian(torch.cat([left.mean, right.mean], -1), torch.cat([left.std, right.std], -1))
