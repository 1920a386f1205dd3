"""Behaviour learned in imagination (DreamerV2): actor by dynamics backpropagation, critic by lambda-returns."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.action_memory import ActionMemory, Hinting
from models.config import ActorCriticConfig
from models.distributions import TruncatedNormal
from models.layers import mlp
from models.returns import lambda_return
from models.rssm import Recurrence
from models.types import State
from models.world_model import WorldModel


class Chances(NamedTuple):
    """The randomness of N imagined steps from B states."""

    uniform: Tensor  # (B, N, A) in [0, 1), for the actions
    noise: Tensor  # (B, N, S), standard normal, for the states

    def part(self, rows: slice) -> "Chances":
        """A part of the batch."""
        return Chances(self.uniform[rows], self.noise[rows])


class Imagined(NamedTuple):
    """N imagined steps from B states under the actor."""

    states: State  # (B, N + 1, .), beginning with the start
    entropy: Tensor  # (B, N), of the actor in the state that each step starts from
    action: Tensor  # (B, N, A), taken in that state


class ActorCritic(nn.Module):
    """Actor, critic and the critic's slow copy, which is the target."""

    def __init__(self, config: ActorCriticConfig) -> None:
        super().__init__()
        self.config = config
        self.memory: ActionMemory | None = None
        self.actor = mlp(config.feature, config.units, config.actor_layers, 2 * config.action_size)
        if config.sources:
            sizes = config.sources, config.feature, config.action_size, config.hint, config.memory_units
            self.memory = ActionMemory(*sizes)
            hinted = mlp(config.feature + config.hint, config.units, config.actor_layers, 2 * config.action_size)
            self.actor = nn.Sequential(Hinting(self.memory), *hinted)
        self.critic = mlp(config.feature, config.units, config.critic_layers, 1)
        self.slow_critic = mlp(config.feature, config.units, config.critic_layers, 1).requires_grad_(False)
        self.refresh()

    def refresh(self) -> None:
        """Copies the critic into its slow copy."""
        self.slow_critic.load_state_dict(self.critic.state_dict())

    def policy(self, feature: Tensor) -> TruncatedNormal:
        """The actor's distribution over actions: (..., S + D) -> (..., A)."""
        return self.policy_of(self.actor(self._seen(feature)))

    def policy_of(self, said: Tensor) -> TruncatedNormal:
        """The same from the actor's outputs: (..., 2 A) -> (..., A)."""
        mean, raw = said.chunk(2, -1)
        return TruncatedNormal(torch.tanh(mean), 2 * torch.sigmoid(raw / 2) + self.config.min_std)

    def value(self, feature: Tensor) -> Tensor:
        """Expected return of a state: (..., S + D) -> (...)."""
        value: Tensor = self.critic(self._seen(feature))
        return value.squeeze(-1)

    def chances(self, start: State, horizon: int, generator: torch.Generator | None) -> Chances:
        """The noise for `horizon` steps from `start` (B, .)."""
        batch, device = len(start.deter), start.deter.device
        uniform = torch.rand((batch, horizon, self.config.action_size), generator=generator, device=device)
        noise = torch.randn((batch, horizon, start.stoch.shape[-1]), generator=generator, device=device)
        return Chances(uniform, noise)

    def imagine(
        self, world_model: WorldModel, start: State, chances: Chances, dream: Recurrence | None = None
    ) -> Imagined:
        """Rolls the actor out from `start` (B, .), one step per chance; its gradient flows through the dynamics.

        `dream` is the model that imagines, if it is not the world model's own recurrent model.
        """
        recurrence = world_model.rssm if dream is None else dream
        states, said = recurrence.follow_actor(self.actor, self.policy_of, start, *chances, seen=self._part)
        policy = self.policy_of(said)
        return Imagined(states, policy.entropy(), policy.sample(chances.uniform))

    def losses(
        self,
        world_model: WorldModel,
        imagined: Imagined,
        gamma: float,
        lam: float,
        entropy_weight: float,
        scale: Callable[[Tensor], Tensor] | None = None,
        reward: Callable[[Tensor], Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """`actor` and `critic` losses, one value per (B, N).

        Each imagined step is weighted by the discounted probability of reaching it. `scale` gives the value that the
        actor's returns are divided by (`models.returns.ReturnScale`); the paper has none. `reward` gives what arriving
        in a feature (B, N, S + D) earns, (B, N); without it the world model's reward head is used.
        """
        feature = imagined.states.feature
        arrived = feature[:, 1:]
        discount = gamma * world_model.discount(arrived)
        slow_value: Tensor = self.slow_critic(self._seen(arrived)).squeeze(-1)
        earned = (reward or world_model.reward)(arrived)
        returns = lambda_return(earned, slow_value, discount, lam)
        with torch.no_grad():
            reached = torch.cat([torch.ones_like(discount[:, :1]), discount[:, :-1]], 1).cumprod(1)
        value = self.value(feature[:, :-1].detach())
        aims = returns if scale is None else returns / scale(returns.detach())
        return {
            "actor": -reached * (aims + entropy_weight * imagined.entropy),
            "critic": 0.5 * reached * (value - returns.detach()).square(),
        }

    @property
    def _part(self) -> slice:
        """The part of a state's feature that actor and critic see."""
        return slice(self.config.skip, self.config.skip + self.config.feature)

    def _seen(self, feature: Tensor) -> Tensor:
        return feature[..., self._part]
