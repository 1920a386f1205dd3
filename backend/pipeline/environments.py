"""The environments of a run by the distraction they show, and actions padded to the agent's size."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import psutil
from numpy.typing import NDArray

from backend.data.episodes import Episode
from backend.envs.protocol import Step
from backend.pipeline.evaluate import BATCH, AsyncEnvironment

PROCESS_BYTES = 300_000_000  # of an environment's process, at most


class Closable(AsyncEnvironment, Protocol):
    """An environment that runs in a process; `another` starts one more like it, and does not wait for it."""

    def another(self) -> "Closable": ...

    def close(self) -> None: ...


class EnvironmentPool(Protocol):
    """The environment to act in at an agent step, and those that an evaluation is played in, in parallel."""

    def training(self, agent_steps: int) -> AsyncEnvironment: ...

    def evaluating(self, agent_steps: int) -> Sequence[AsyncEnvironment]: ...


@dataclass
class OneEnvironment:
    """One environment for everything."""

    environment: AsyncEnvironment

    def training(self, _agent_steps: int) -> AsyncEnvironment:
        return self.environment

    def evaluating(self, _agent_steps: int) -> Sequence[AsyncEnvironment]:
        return [self.environment]


@dataclass
class ByDistraction:
    """Environments that are made when they are first needed: one distraction first, another from a given step on.

    Evaluation shows the current distraction, or always `evaluated`, in `side_by_side` environments; they are
    kept for the next evaluation while the distraction stays, and training continues in the first if it shows the same.
    """

    make: Callable[[str], Closable]
    first: str
    later: str
    change_at: int  # agent steps
    evaluated: str | None = None
    side_by_side: int = 1
    made: dict[str, list[Closable]] = field(default_factory=dict)

    def training(self, agent_steps: int) -> AsyncEnvironment:
        """The environment that an episode which begins at this agent step is played in."""
        return self._of(self._now(agent_steps))[0]

    def evaluating(self, agent_steps: int) -> Sequence[AsyncEnvironment]:
        """The environments of an evaluation at this agent step."""
        shown = self.evaluated or self._now(agent_steps)
        environments = self._of(shown)
        while len(environments) < self.side_by_side:
            environments.append(environments[0].another())
        for spare in [environment for name, others in self.made.items() if name != shown for environment in others[1:]]:
            spare.close()
        self.made = {name: made if name == shown else made[:1] for name, made in self.made.items()}
        return environments

    def close(self) -> None:
        """Ends all processes."""
        for environment in [environment for environments in self.made.values() for environment in environments]:
            environment.close()

    def _now(self, agent_steps: int) -> str:
        return self.first if agent_steps < self.change_at else self.later

    def _of(self, distraction: str) -> list[Closable]:
        if distraction not in self.made:
            self.made[distraction] = [self.make(distraction)]
        return self.made[distraction]


class PaddedActions:
    """Takes longer actions than the wrapped environment has and ignores the extra entries."""

    def __init__(self, environment: Closable, action_size: int) -> None:
        self._environment, self._action_size = environment, action_size
        self.factor_names = environment.factor_names

    def begin_reset(self, seed: int) -> None:
        self._environment.begin_reset(seed)

    def begin_step(self, action: NDArray[np.float32]) -> None:
        self._environment.begin_step(action[: self._action_size])

    def finish(self) -> Step:
        return self._environment.finish()

    def another(self) -> "PaddedActions":
        return PaddedActions(self._environment.another(), self._action_size)

    def close(self) -> None:
        self._environment.close()


def side_by_side(episodes: int) -> int:
    """How many of an evaluation's episodes to play at once here: two per core, using at most half of the memory."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    available: int = psutil.virtual_memory().available  # type: ignore[no-untyped-call] # psutil carries no types
    return max(1, min(episodes, BATCH, 2 * cores, available // (2 * PROCESS_BYTES)))


def pad_actions(episodes: Sequence[Episode], action_size: int) -> list[Episode]:
    """Episodes whose actions (T, A) are filled up with zeros to `action_size`."""
    return [
        episode._replace(action=np.pad(episode.action, ((0, 0), (0, action_size - episode.action.shape[1]))))
        for episode in episodes
    ]
