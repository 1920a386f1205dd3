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
    successes: tuple[bool | None, ...] = ()  # of the same episodes; None where the task does not say

    @property
    def mean(self) -> float:
        """Mean episode return."""
        return float(np.mean(self.returns))

    @property
    def success_rate(self) -> float | None:
        """Share of the episodes in which the task was solved at some step; None where the task does not say."""
        said = [success for success in self.successes if success is not None]
        return float(np.mean(said)) if said else None

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
    returns, successes = [], []
    for seed in seeds:
        before_each()
        score, success = _play(agent, player, seed, device)
        returns.append(score)
        successes.append(success)
    return Evaluation(tuple(returns), tuple(successes))


def episode_seed(seed: int, purpose: str, index: int) -> int:
    """Seed of an episode of a run; `purpose` keeps training, evaluation and held-out episodes apart."""
    words = [seed & 0xFFFFFFFF, seed >> 32, *purpose.encode(), index]
    return int(np.random.SeedSequence(words).generate_state(1, np.uint32)[0])


def _play(agent: Agent, player: Player, seed: int, device: str) -> tuple[float, bool | None]:
    """The return of an episode, and whether the task was solved in it."""
    step = player.reset(seed)
    memory = agent.begin(1)
    score, success = 0.0, step.success
    while not step.is_last:
        action, memory = agent.act(torch.from_numpy(step.image[None].copy()).to(device), memory)
        step = player.step(action[0].cpu().numpy())
        score += step.reward
        success = success or step.success
    return score, success
