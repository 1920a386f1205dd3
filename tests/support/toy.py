"""A method of 30 lines that uses every extension point; only tests register it."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from backend.pipeline.fields import Weight, described
from backend.pipeline.methods.behaviour import Behaviour, RewardHead, Tutor
from backend.pipeline.methods.catalogue import Entry
from backend.pipeline.methods.parts import Lesson, Parts, Source, sizes_of, standard_parts
from backend.pipeline.methods.sections.base import Section
from backend.pipeline.settings import LearningSettings
from models.actor_critic import ActorCritic, Imagined
from models.types import Batch
from models.video_model import Inference


class ToySection(Section):
    toy_weight: Weight = described(0.5, "Weight of brightness", "Toy")


class Brightness(nn.Module, Lesson):  # the first latent predicts the brightness of a picture
    weight_name, target_size = "brightness_weight", 1

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.scale, self.weight = nn.Parameter(torch.ones(())), lambda *_: weight

    def target(self, image: Tensor) -> Tensor:
        return image.float().mean((1, 2, 3))[:, None] / 255

    def loss(self, _batch: Batch, target: Tensor, inference: Inference, _generator: torch.Generator | None) -> Tensor:
        return (self.scale * inference.latent.mean[..., :1] - target).square().sum(-1)

    def learned(self) -> list[nn.Parameter]:
        return [self.scale]


class Strict(Tutor):  # every action costs one
    def losses(self, _actor_critic: ActorCritic, imagined: Imagined | None, _rows: slice) -> dict[str, Tensor]:
        return {"actor": torch.ones(()) if imagined is None else torch.ones_like(imagined.entropy)}


def build(settings: LearningSettings, _source: Source | None, action_size: int) -> Parts:
    parts = standard_parts(settings, sizes_of(settings, action_size))
    lesson = Brightness(settings.own(ToySection).toy_weight)
    behaviour = Behaviour(RewardHead(2), tutors=(Strict(),), dream=parts.world_model.rssm)
    prepare = (lambda batch: batch._replace(reward=2 * batch.reward),)
    named = {"brightness": lesson}
    return replace(parts, behaviour=behaviour, lessons=named, companions=named, prepare=prepare)


TOY = Entry("Toy", "none", "finetune", f"{__name__}:build", "From everything.", section=ToySection)
