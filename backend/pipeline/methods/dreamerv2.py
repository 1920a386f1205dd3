"""DreamerV2 (arXiv 2010.02193) from scratch: its convolutions, 32 deep, and an embedding without a prior."""

from dataclasses import replace

from backend.pipeline.methods.parts import Parts, Source, sizes_of, standard_parts
from backend.pipeline.settings import LearningSettings
from models.dreamer_convolutions import conv_kernels


def build(settings: LearningSettings, _source: Source | None, action_size: int) -> Parts:
    """Without distillation, even if a video model is named."""
    kernels = conv_kernels()
    sizes = replace(sizes_of(settings, action_size), vision="conv", kernels=kernels, latents=kernels[-1])
    return standard_parts(settings, sizes)
