"""DisWM (arXiv 2503.08751) and its two ablations: beta-VAE latents, kept close to N(0, I) and to the video model's."""

from dataclasses import replace
from functools import partial

from backend.pipeline.curriculum import distillation_share
from backend.pipeline.distill import DISTILLERS, distill_weight
from backend.pipeline.methods.parts import Parts, Source, sizes_of, standard_parts, unconstrained
from backend.pipeline.methods.sections.diswm import DistillationSection
from backend.pipeline.settings import LearningSettings
from models.video_model import VideoModel


def build(settings: LearningSettings, source: Source | None, action_size: int) -> Parts:
    """The paper's method: beta weighs how close latents stay to N(0, I), eta to those of a video model, if any."""
    parts = standard_parts(settings, sizes_of(settings, action_size))
    return parts if source is None else _distilled(parts, settings, source.model)


def build_without_distillation(settings: LearningSettings, _source: Source | None, action_size: int) -> Parts:
    """Without a video model, even if one is named."""
    return standard_parts(settings, sizes_of(settings, action_size))


def build_without_disentanglement(settings: LearningSettings, source: Source | None, action_size: int) -> Parts:
    """Without a prior on the latents."""
    return unconstrained(build(settings, source, action_size))


def _distilled(parts: Parts, settings: LearningSettings, teacher: VideoModel) -> Parts:
    section = settings.own(DistillationSection)
    schedule = partial(
        distill_weight,
        start=section.distill_start,
        end=section.distill_end,
        ramp=section.distill_steps,
        delay=section.distill_delay,
    )
    lesson = DISTILLERS[section.distillation](teacher, schedule, partial(distillation_share, settings))
    return replace(parts, lessons={"distillation": lesson}, companions={**parts.companions, "teacher": lesson.teacher})
