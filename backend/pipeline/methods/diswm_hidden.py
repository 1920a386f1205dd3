"""After DistillFlow (arXiv 2106.04195), on latents: the teacher sees the frame, the student a harder one.

The student is taught only those dimensions that the teacher is sure of. The idea is the paper's, which is about optical
flow; loss and constants are ours.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from backend.pipeline.curriculum import distillation_share
from backend.pipeline.distill import Distillation, Schedule, distill_weight
from backend.pipeline.methods.parts import Parts, Source, pretrained_of, sizes_of, standard_parts
from backend.pipeline.methods.sections.hidden import HiddenSection
from backend.pipeline.settings import LearningSettings
from models.harder import harder
from models.losses import kl
from models.types import Batch, Gaussian, normalise
from models.video_model import Inference, VideoModel


def build(settings: LearningSettings, source: Source | None, action_size: int) -> Parts:
    """DisWM, except that its student sees a harder picture and is not taught what the teacher is unsure of."""
    parts = standard_parts(settings, sizes_of(settings, action_size))
    section = settings.own(HiddenSection)
    schedule = partial(
        distill_weight, start=section.hidden_start, end=section.hidden_end, ramp=section.hidden_steps, delay=0
    )
    lesson = HiddenDistillation(
        pretrained_of(source),
        schedule,
        partial(distillation_share, settings),
        parts.world_model.encode,
        section.hidden_unsure,
    )
    return replace(parts, lessons={"distillation": lesson}, companions={**parts.companions, "teacher": lesson.teacher})


class HiddenDistillation(Distillation):
    """KL[teacher latent of the frame || student latent of a harder one], of the dimensions that the teacher knows."""

    def __init__(
        self,
        teacher: VideoModel,
        schedule: Schedule,
        share: Schedule,
        encode: Callable[[Tensor], Gaussian],
        unsure: float,
    ) -> None:
        """`unsure`: standard deviation from which on the teacher does not know a dimension of a frame."""
        super().__init__(teacher, schedule, share)
        self._encode, self._unsure = encode, unsure

    def loss(self, batch: Batch, target: Tensor, _inference: Inference, generator: torch.Generator | None) -> Tensor:
        """Summed over the dimensions that the teacher knows, (B, T)."""
        image = normalise(batch.image)
        student = self._encode(harder(image.flatten(0, 1), generator).view_as(image))
        teacher = Gaussian(*target.chunk(2, -1))
        known = (teacher.std < self._unsure).to(target.dtype)
        return (known * _each(teacher, student)).sum(-1)


def _each(left: Gaussian, right: Gaussian) -> Tensor:
    """KL[left || right] of each dimension: (..., Z) -> (..., Z)."""
    return kl(*(Gaussian(side.mean.unsqueeze(-1), side.std.unsqueeze(-1)) for side in (left, right)))
