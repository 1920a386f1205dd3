"""APV (arXiv 2203.13880): a model with actions on top of an action-free one, and a bonus for what is new to it."""

from backend.pipeline.methods.parts import Parts, Source
from backend.pipeline.methods.stacked import stacked_parts
from backend.pipeline.settings import LearningSettings


def build(settings: LearningSettings, source: Source | None, action_size: int) -> Parts:
    """The pretrained model below, a new one with actions on its features, and the intrinsic bonus."""
    return stacked_parts(settings, source, action_size)
