"""The agent that acts: it follows what it sees in its world model and asks its actor."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.actor_critic import ActorCritic
from models.types import State, normalise
from models.world_model import WorldModel


class Memory(NamedTuple):
    """What the agent keeps between steps: its state and its last action, (E, .) for E environments."""

    state: State
    action: Tensor


class Agent(nn.Module):
    """A world model and the behaviour learned in it."""

    def __init__(self, world_model: WorldModel, actor_critic: ActorCritic) -> None:
        super().__init__()
        self.world_model = world_model
        self.actor_critic = actor_critic

    def begin(self, environments: int) -> Memory:
        """Memory before the first image: zero state, zero action."""
        state = self.world_model.rssm.initial(environments)
        return Memory(state, state.deter.new_zeros(environments, self.world_model.config.action_size))

    @torch.no_grad()
    def act(self, image: Tensor, memory: Memory, generator: torch.Generator | None = None) -> tuple[Tensor, Memory]:
        """Next action for images (E, H, W, C) uint8: actions (E, A) in [-1, 1], and the new memory.

        With a generator the action is drawn from the policy; without, it is the mode.
        """
        latent = self.world_model.encode(normalise(image)).mean
        observed = self.world_model.observe(latent.unsqueeze(1), memory.action.unsqueeze(1), state=memory.state)
        state = observed.states.at(0)
        policy = self.actor_critic.policy(state.feature)
        if generator is None:
            action = policy.mode
        else:
            action = policy.sample(torch.rand(policy.mean.shape, generator=generator, device=image.device))
        return action, Memory(state, action)


class Drawing:
    """An agent whose actions are drawn from its policy, as while it learns, in place of the most likely ones."""

    def __init__(self, agent: Agent, seed: int) -> None:
        self._agent, self._generator = agent, torch.Generator().manual_seed(seed)

    def begin(self, environments: int) -> Memory:
        """As the agent's."""
        return self._agent.begin(environments)

    def act(self, image: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """As the agent's with a generator; the same draws for the same seed and the same calls."""
        return self._agent.act(image, memory, self._generator)
