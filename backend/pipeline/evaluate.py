"""Evaluation: whole episodes of the agent's most likely actions, in parallel, each with its own seed."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from backend.envs.protocol import IMAGE_SIZE, Step
from models.agent import Memory
from models.types import State

BATCH = 16  # most episodes whose actions are computed in one batch


class AsyncEnvironment(Protocol):
    """One environment whose steps are requested without waiting: `finish` waits for the requested step."""

    factor_names: tuple[str, ...]

    def begin_reset(self, seed: int) -> None: ...

    def begin_step(self, action: NDArray[np.float32]) -> None: ...

    def finish(self) -> Step: ...


class Actor(Protocol):
    """What acts in an evaluation: `models.agent.Agent`, or the baseline `Uniform`."""

    def begin(self, environments: int) -> Memory: ...

    def act(self, image: Tensor, memory: Memory) -> tuple[Tensor, Memory]: ...


class Uniform:
    """Acts uniformly in [-1, 1]: what a return is without learning.

    Every batch of episodes meets the same actions, however many environments play it.
    """

    def __init__(self, action_size: int) -> None:
        self._size, self._generator = action_size, torch.Generator()

    def begin(self, environments: int) -> Memory:
        """Nothing is remembered."""
        self._generator.manual_seed(0)
        nothing = torch.zeros(environments, 0)
        return Memory(State(nothing, nothing), torch.zeros(environments, self._size))

    def act(self, image: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """(E, H, W, C) -> (E, A)."""
        action = 2 * torch.rand(len(image), self._size, generator=self._generator) - 1
        return action, memory._replace(action=action)


class Evaluation(NamedTuple):
    """Returns of the evaluated episodes."""

    returns: tuple[float, ...]
    successes: tuple[bool | None, ...] = ()  # of the same episodes; None if the task does not report it

    @property
    def mean(self) -> float:
        """Mean episode return."""
        return float(np.mean(self.returns))

    @property
    def success_rate(self) -> float | None:
        """Share of the episodes in which the task was solved at some step; None if the task does not report it."""
        said = [success for success in self.successes if success is not None]
        return float(np.mean(said)) if said else None

    @property
    def std(self) -> float:
        """Standard deviation of the episode returns."""
        return float(np.std(self.returns))

    def metrics(self, name: str) -> dict[str, float]:
        """Mean and standard deviation of the returns under a name, as they are logged."""
        return {f"{name}_return": self.mean, f"{name}_std": self.std}


def evaluate(
    agent: Actor,
    environments: Sequence[AsyncEnvironment],
    seeds: Sequence[int],
    device: str = "cpu",
    between_steps: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Plays one episode per seed with the mode of the policy, as many in parallel as there are environments.

    Seeds must differ. `between_steps` is called when no environment step is pending, and may raise to end the
    evaluation. An episode's place in the batch of actions depends only on the seeds: the rounding, and so the
    returns, are the same on one environment as on many.
    """
    assert len(set(seeds)) == len(seeds), "two evaluation episodes share a seed"
    scores, successes = list[float](), list[bool | None]()
    for first in range(0, len(seeds), BATCH):
        batch = seeds[first : first + BATCH]
        for row in range(0, len(batch), len(environments)):
            rows = range(row, min(row + len(environments), len(batch)))
            played = _play(agent, environments, {at: batch[at] for at in rows}, len(batch), device, between_steps)
            scores += [score for score, _ in played]
            successes += [success for _, success in played]
    return Evaluation(tuple(scores), tuple(successes))


def episode_seed(seed: int, purpose: str, index: int) -> int:
    """Seed of an episode of a run; `purpose` keeps training, evaluation and held-out episodes apart."""
    words = [seed & 0xFFFFFFFF, seed >> 32, *purpose.encode(), index]
    return int(np.random.SeedSequence(words).generate_state(1, np.uint32)[0])


def done_instead(memory: Memory, row: int, action: NDArray[np.float32]) -> Memory:
    """The memory of what the environment of a row did, (A,), not of what it was asked; missing entries are 0."""
    actions = memory.action.clone()
    actions[row] = 0
    actions[row, : len(action)] = torch.from_numpy(action).to(actions.device)
    return memory._replace(action=actions)


def _play(
    agent: Actor,
    environments: Sequence[AsyncEnvironment],
    seeds: dict[int, int],
    batch: int,
    device: str,
    between_steps: Callable[[], None],
) -> list[tuple[float, bool | None]]:
    """Return and success of the episodes of these seeds, one per row of the batch; the other rows stay black."""
    live = dict(zip(seeds, environments, strict=False))
    for row, environment in live.items():
        environment.begin_reset(seeds[row])
    memory, image = agent.begin(batch), np.zeros((batch, IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8)
    score, success = dict.fromkeys(seeds, 0.0), dict[int, bool | None].fromkeys(seeds)
    while live:
        steps = {row: environment.finish() for row, environment in live.items()}
        between_steps()
        for row, step in steps.items():
            image[row] = step.image
            score[row] += step.reward
            success[row] = success[row] or step.success
            if step.action is not None:
                memory = done_instead(memory, row, step.action)
        live = {row: environment for row, environment in live.items() if not steps[row].is_last}
        if live:
            action, memory = agent.act(torch.from_numpy(image).to(device), memory)
            chosen = action.cpu().numpy()
            for row, environment in live.items():
                environment.begin_step(chosen[row])
    return [(score[row], success[row]) for row in seeds]
