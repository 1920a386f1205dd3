"""After Dream to Explore (arXiv 2110.14157): dynamics by a sparse Gaussian process, whose variance is imagined along.

The paper's text was not available: states, process and bonus are our reconstruction from its abstract.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from backend.pipeline.curriculum import dynamics_weight
from backend.pipeline.methods.behaviour import RewardHead
from backend.pipeline.methods.parts import Lesson, Parts, Source, sizes_of, standard_parts
from backend.pipeline.methods.sections.gp_dreams import ProcessSection
from backend.pipeline.settings import LearningSettings
from models.actor_critic import Imagined
from models.gaussian_process import SparseProcess
from models.process_rssm import ProcessRSSM, process_deter
from models.rssm import Observed
from models.types import Batch, State
from models.video_model import Inference
from models.world_model import WorldModel


def build(settings: LearningSettings, _source: Source | None, action_size: int) -> Parts:
    """A world model with the next state from a Gaussian process, and a policy that is rewarded for its uncertainty."""
    own, sizes = settings.own(ProcessSection), sizes_of(settings, action_size)
    sizes = replace(sizes, deter=process_deter(sizes.stoch, action_size), inducing=own.inducing_points)
    parts = standard_parts(settings, sizes)
    rssm = parts.world_model.rssm
    assert isinstance(rssm, ProcessRSSM)
    judge = Curious(RewardHead(settings.imagine_every), own.curiosity)
    lessons = {"trace": Trace(rssm, settings), "inducing": Remembering(rssm.process, settings.batch * settings.length)}
    return replace(parts, lessons=lessons, behaviour=replace(parts.behaviour, judge=judge))


class Trace(Lesson):
    """The part of the dynamics loss that comes from not knowing the process: it weighs as that which moves the prior.

    Without it, the bound would be loose, and what is noise would be taken for doubt.
    """

    weight_name = "trace_weight"

    def __init__(self, rssm: ProcessRSSM, settings: LearningSettings) -> None:
        self._rssm, self._settings = rssm, settings

    def weight(self, _agent_step: int, update: int) -> float:
        """The share of the dynamics loss that moves the prior."""
        return self._settings.kl_balance * dynamics_weight(self._settings, update)

    def loss(self, _batch: Batch, _target: Tensor, inference: Inference, _generator: torch.Generator | None) -> Tensor:
        """`Foretold.trace` at the states, which do not learn from it: (B, T)."""
        return self._rssm.prior(inference.observed.states.deter.detach()).trace


class Remembering(Lesson):
    """KL of the inducing values from their prior, once for all frames: the part of the bound that no frame has."""

    weight_name = "inducing_weight"

    def __init__(self, process: SparseProcess, frames: int) -> None:
        """`frames`: those of a batch."""
        self._process, self._frames = process, frames

    def weight(self, agent_step: int, _update: int) -> float:
        """1 / frames seen so far."""
        return 1 / max(agent_step, self._frames)

    def loss(self, batch: Batch, _target: Tensor, _inference: Inference, _generator: torch.Generator | None) -> Tensor:
        """The same for each frame, (B, T)."""
        return self._process.divergence().expand(batch.reward.shape)


@dataclass(frozen=True)
class Curious:
    """What the reward head expects, and some of what observing the step would tell about the process."""

    expected: RewardHead
    weight: float

    def begin(self, observed: Observed, batch: Batch) -> State:
        """The states that `RewardHead` starts from."""
        return self.expected.begin(observed, batch)

    def reward(self, world_model: WorldModel, imagined: Imagined, rows: slice) -> Tensor:
        """Of each imagined step, (b, N)."""
        earned = self.expected.reward(world_model, imagined, rows)
        if not self.weight:
            return earned
        assert isinstance(world_model.rssm, ProcessRSSM)
        return earned + self.weight * world_model.rssm.prior(imagined.states.deter[:, 1:]).gain
