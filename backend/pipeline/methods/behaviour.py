"""What a behaviour is learned from: the states to imagine from, the dynamics, the rewards and further losses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from models.actor_critic import ActorCritic, Imagined
from models.rssm import Observed, Recurrence
from models.types import Batch, State
from models.world_model import WorldModel


class Judge(Protocol):
    """Says what imagined steps earn."""

    def begin(self, observed: Observed, batch: Batch) -> State:
        """The states (B, .) to imagine from, of what the world model made of a batch, which is cut from the graph."""
        ...

    def reward(self, world_model: WorldModel, arrived: Tensor, rows: slice) -> Tensor:
        """The reward of arriving in features (b, N, S + D), imagined from these rows of the states begun with: (b, N).

        Its gradient reaches the actor through the features.
        """
        ...


@dataclass(frozen=True)
class RewardHead:
    """What the world model expects (DreamerV2), from one state in `every` that it saw."""

    every: int = 1

    def begin(self, observed: Observed, _batch: Batch) -> State:
        """Those states, (B * T // every, .)."""
        return observed.states.flatten().every(self.every)

    def reward(self, world_model: WorldModel, arrived: Tensor, _rows: slice) -> Tensor:
        """The mean of the reward head."""
        return world_model.reward(arrived)


class Tutor(Protocol):
    """A further loss of the actor, the critic or both, beside that of imagined returns."""

    def begin(self, observed: Observed, batch: Batch) -> None:
        """Called once an update, with what the world model made of the batch."""
        ...

    def losses(self, actor_critic: ActorCritic, imagined: Imagined, rows: slice) -> Mapping[str, Tensor]:
        """By `actor` or `critic`, of any shape: the mean is added to that network's loss."""
        ...


@dataclass
class Advice:
    """Imitates what an expert would do in the states that were seen, those that the agent itself came to included.

    DAgger (Ross, Gordon and Bagnell 2011), in the states of the world model.
    """

    weight: float

    def begin(self, observed: Observed, batch: Batch) -> None:
        """Takes the states, (B, T, .), and what is advised in them, (B, T, A)."""
        self._feature, self._advised = observed.states.feature, batch.advice

    def losses(self, actor_critic: ActorCritic, _imagined: Imagined, _rows: slice) -> Mapping[str, Tensor]:
        """-log p of the advised actions, (B, T)."""
        return {"actor": -self.weight * actor_critic.policy(self._feature).log_prob(self._advised)}


@dataclass(frozen=True)
class Behaviour:
    """The three seams of learning a behaviour; the defaults are DreamerV2's."""

    judge: Judge = RewardHead()
    tutors: tuple[Tutor, ...] = ()
    dream: Recurrence | None = None  # what is imagined in; None: the world model's own recurrent model
