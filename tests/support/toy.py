"""A short method that uses every extension point; only tests register it."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from backend.pipeline.fields import Weight, described
from backend.pipeline.methods.behaviour import Behaviour, RewardHead
from backend.pipeline.methods.catalogue import Entry
from backend.pipeline.methods.parts import Parts, Source, sizes_of, standard_parts
from backend.pipeline.methods.sections.base import Section
from backend.pipeline.settings import FinetuneSettings
from models.actor_critic import ActorCritic, Imagined
from models.rssm import Observed
from models.types import Batch
from models.video_model import Inference


class ToySection(Section):
    toy_weight: Weight = described(0.5, "Weight of brightness", "Toy")


class Brightness(nn.Module):
    """A lesson: the first latent predicts the brightness of a picture."""

    weight_name, target_size = "brightness_weight", 1

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.scale, self._weight = nn.Parameter(torch.ones(())), weight

    def weight(self, _agent_step: int, _update: int) -> float:
        return self._weight

    def target(self, image: Tensor) -> Tensor:
        return image.float().mean((1, 2, 3))[:, None] / 255

    def loss(self, _batch: Batch, target: Tensor, inference: Inference, _generator: torch.Generator | None) -> Tensor:
        return (self.scale * inference.latent.mean[..., :1] - target).square().sum(-1)

    def learned(self) -> list[nn.Parameter]:
        return [self.scale]


@dataclass
class Strict:
    """A tutor: every action costs one."""

    begun: int = 0

    def begin(self, _observed: Observed, _batch: Batch) -> None:
        self.begun += 1

    def losses(self, _actor_critic: ActorCritic, imagined: Imagined, _rows: slice) -> dict[str, Tensor]:
        return {"actor": torch.ones_like(imagined.entropy)}


def doubled(batch: Batch) -> Batch:
    return batch._replace(reward=2 * batch.reward)


def build(settings: FinetuneSettings, _source: Source | None, action_size: int) -> Parts:
    parts, lesson = (
        standard_parts(settings, sizes_of(settings, action_size)),
        Brightness(settings.own(ToySection).toy_weight),
    )
    behaviour = Behaviour(RewardHead(2), tutors=(Strict(),), dream=parts.world_model.rssm)
    seams = {"lessons": {"brightness": lesson}, "companions": {"brightness": lesson}, "prepare": (doubled,)}
    return replace(parts, behaviour=behaviour, **seams)


TOY = Entry("Toy", "none", "finetune", f"{__name__}:build", "From everything.", section=ToySection)
