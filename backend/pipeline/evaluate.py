"""Evaluation: whole episodes of the agent's most likely actions, each with a seed of its own."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from backend.envs.protocol import Step
from models.agent import Agent


class Player(Protocol):
    """One environment, in this process or in another."""

    factor_names: tuple[str, ...]

    def reset(self, seed: int) -> Step: ...

    def step(self, action: NDArray[np.float32]) -> Step: ...


class Evaluation(NamedTuple):
    """Returns of the evaluated episodes."""

    returns: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean episode return."""
        return float(np.mean(self.returns))

    @property
    def std(self) -> float:
        """Standard deviation of the episode returns."""
        return float(np.std(self.returns))


def evaluate(
    agent: Agent,
    player: Player,
    seeds: list[int],
    device: str = "cpu",
    before_each: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Plays one episode a seed with the mode of the policy; seeds must differ. `before_each` may raise to end it."""
    assert len(set(seeds)) == len(seeds), "two evaluation episodes share a seed"
    returns = []
    for seed in seeds:
        before_each()
        returns.append(_play(agent, player, seed, device))
    return Evaluation(tuple(returns))


def episode_seed(seed: int, purpose: str, index: int) -> int:
    """Seed of an episode of a run; `purpose` keeps training, evaluation and held-out episodes apart."""
    words = [seed & 0xFFFFFFFF, seed >> 32, *purpose.encode(), index]
    return int(np.random.SeedSequence(words).generate_state(1, np.uint32)[0])


def _play(agent: Agent, player: Player, seed: int, device: str) -> float:
    step = player.reset(seed)
    memory = agent.begin(1)
    score = 0.0
    while not step.is_last:
        action, memory = agent.act(torch.from_numpy(step.image[None].copy()).to(device), memory)
        step = player.step(action[0].cpu().numpy())
        score += step.reward
    return score
