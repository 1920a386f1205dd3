"""What a behaviour is learned from: the states to imagine from, the dynamics, the rewards and further losses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from models.actor_critic import ActorCritic, Imagined
from models.rssm import Observed, Recurrence
from models.types import Batch, State
from models.world_model import WorldModel

ADVISED_STATES = 6_144  # of advice: 64 batches of the settings for two CPU cores
STATES_APART = 12


class Judge(Protocol):
    """Computes the rewards of imagined steps."""

    def begin(self, observed: Observed, batch: Batch) -> State:
        """The states (B, .) to imagine from, out of the world model's outputs for a batch, which are detached."""
        ...

    def reward(self, world_model: WorldModel, imagined: Imagined, rows: slice) -> Tensor:
        """The reward of N steps that were imagined from these rows of the first states: (b, N).

        Its gradient reaches the actor through states and actions.
        """
        ...


@dataclass(frozen=True)
class RewardHead:
    """The reward that the world model expects (DreamerV2), from one of every `every` observed states."""

    every: int = 1

    def begin(self, observed: Observed, _batch: Batch) -> State:
        """The chosen states, (B * T // every, .)."""
        return observed.states.flatten().every(self.every)

    def reward(self, world_model: WorldModel, imagined: Imagined, _rows: slice) -> Tensor:
        """The mean of the reward head."""
        return world_model.reward(imagined.states.feature[:, 1:])


class Tutor(Protocol):
    """A further loss of the actor, the critic or both, added to that of imagined returns."""

    def begin(self, observed: Observed, batch: Batch) -> None:
        """Called once per update, with the world model's outputs for the batch; a tutor may ignore it."""

    def losses(self, actor_critic: ActorCritic, imagined: Imagined | None, rows: slice) -> Mapping[str, Tensor]:
        """The losses under `actor` or `critic`, of any shape: the mean is added to that network's loss."""
        ...


class Rival(Protocol):
    """A network with its own optimiser that learns from the steps just imagined, such as a discriminator."""

    network: nn.Module  # also among the companions of the method's parts
    rate: float  # of its optimiser

    def loss(self, imagined: Imagined, generator: torch.Generator | None) -> Tensor:
        """Its loss; no gradient reaches actor, critic or world model."""
        ...


class Advice(nn.Module):
    """Imitates what an expert would do in the states that were seen, including those that the agent itself reached.

    DAgger (Ross, Gordon and Bagnell 2011), in the states of the world model. The sequences of one batch are too alike
    to learn from alone: each update uses some states of many batches, stored as the model represented them then.
    """

    feature: Tensor
    advised: Tensor
    states_seen: Tensor
    updates: Tensor

    def __init__(self, weight: float, feature: int, action: int, frames: int) -> None:
        """`feature` and `action` are sizes, `frames` those of a batch."""
        super().__init__()
        self.weight = weight
        size = max(ADVISED_STATES, 2 * frames)
        self.register_buffer("feature", torch.zeros(size, feature))
        self.register_buffer("advised", torch.zeros(size, action))
        self.register_buffer("states_seen", torch.zeros((), dtype=torch.int64))
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    def begin(self, observed: Observed, batch: Batch) -> None:
        """Adds the states, (B, T, .), and the actions advised in them, (B, T, A); they replace the oldest.

        Sequences that are invented follow the real ones, and there is no advice in them.
        """
        real = len(batch.advice)
        feature, advised = observed.states.feature[:real].flatten(0, 1), batch.advice.flatten(0, 1)
        order = torch.arange(len(feature), device=feature.device)
        rows = (self.states_seen + order) % len(self.feature)
        self.feature.index_copy_(0, rows, feature)
        self.advised.index_copy_(0, rows, advised)
        self.states_seen += len(feature)
        self.updates += 1

    def losses(self, actor_critic: ActorCritic, _imagined: Imagined | None, _rows: slice) -> Mapping[str, Tensor]:
        """Mean -log p of the advised actions at evenly spaced states, each weighted by the policy's std there, ().

        Without that weight, states in which a confident policy is wrong dominate, and the policy becomes flat.
        """
        rows = torch.arange(0, len(self.feature) - STATES_APART + 1, STATES_APART, device=self.feature.device)
        rows = rows + self.updates % STATES_APART
        there = (rows < self.states_seen).float()
        policy = actor_critic.policy(self.feature[rows])
        weights = there * policy.std.detach().mean(-1)  # beta-NLL (Seitzer et al. 2022), beta 0.5
        likeness = (weights * policy.log_prob(self.advised[rows])).sum() / there.sum().clamp(min=1)
        return {"actor": -self.weight * likeness}


@dataclass(frozen=True)
class Behaviour:
    """The replaceable parts of learning a behaviour; the defaults are DreamerV2's."""

    judge: Judge | None = RewardHead()  # None: nothing is imagined, and the actor learns from the tutors only
    tutors: tuple[Tutor, ...] = ()
    rival: Rival | None = None
    dream: Recurrence | None = None  # the model that imagines; None: the world model's own recurrent model
