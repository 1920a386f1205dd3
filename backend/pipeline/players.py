"""Who plays when: the environments of a run by the distraction that they show, and actions padded to the agent's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from backend.data.episodes import Episode
from backend.envs.protocol import Step
from backend.pipeline.evaluate import Player


class Closable(Player, Protocol):
    """A player that holds a process."""

    def close(self) -> None: ...


class Players(Protocol):
    """The environment to act in at an agent step."""

    def training(self, agent_steps: int) -> Player: ...

    def evaluating(self, agent_steps: int) -> Player: ...


@dataclass
class Always:
    """One environment for everything."""

    player: Player

    def training(self, _agent_steps: int) -> Player:
        return self.player

    def evaluating(self, _agent_steps: int) -> Player:
        return self.player


@dataclass
class ByDistraction:
    """Environments that are made when they are first asked for: one distraction first, another from a step on.

    Evaluation shows the distraction of the moment, or always `evaluated`.
    """

    make: Callable[[str], Closable]
    first: str
    later: str
    change_at: int  # agent steps
    evaluated: str | None = None
    made: dict[str, Closable] = field(default_factory=dict)

    def training(self, agent_steps: int) -> Player:
        """The environment that an episode which begins at this agent step is played in."""
        return self._of(self.first if agent_steps < self.change_at else self.later)

    def evaluating(self, agent_steps: int) -> Player:
        """The environment of an evaluation at this agent step."""
        return self._of(self.evaluated) if self.evaluated else self.training(agent_steps)

    def close(self) -> None:
        """Ends all processes."""
        for player in self.made.values():
            player.close()

    def _of(self, distraction: str) -> Closable:
        if distraction not in self.made:
            self.made[distraction] = self.make(distraction)
        return self.made[distraction]


class PaddedActions:
    """A player that takes longer actions than its environment has: the rest says nothing."""

    def __init__(self, player: Closable, action_size: int) -> None:
        self._player, self._action_size = player, action_size
        self.factor_names = player.factor_names

    def reset(self, seed: int) -> Step:
        return self._player.reset(seed)

    def step(self, action: NDArray[np.float32]) -> Step:
        return self._player.step(action[: self._action_size])

    def close(self) -> None:
        self._player.close()


def pad_actions(episodes: Sequence[Episode], action_size: int) -> list[Episode]:
    """Episodes whose actions (T, A) are filled up with zeros to `action_size`."""
    return [
        episode._replace(action=np.pad(episode.action, ((0, 0), (0, action_size - episode.action.shape[1]))))
        for episode in episodes
    ]
