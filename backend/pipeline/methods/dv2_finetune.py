"""DreamerV2 that continues from a video model's weights: a baseline of the DisWM paper (arXiv 2503.08751)."""

from dataclasses import asdict, replace

import torch

from backend.pipeline.methods.parts import Parts, Source, pretrained_of, sizes_of, standard_parts, unconstrained
from backend.pipeline.settings import LearningSettings


def build(settings: LearningSettings, source: Source | None, action_size: int) -> Parts:
    """All weights except those of the heads and of the actions; actions are padded to the larger of the two sizes."""
    pretrained = pretrained_of(source)
    padded = max(action_size, source.action_size if source else 0)
    sizes = replace(sizes_of(settings, padded), **(asdict(pretrained.config) | {"action_size": padded}))
    parts = unconstrained(standard_parts(settings, sizes))
    state = pretrained.state_dict()
    weight = state.pop("rssm.enter.weight")
    missing, unknown = parts.world_model.load_state_dict(state, strict=False)
    assert not unknown and all(key.startswith(("reward_head", "discount_head", "rssm.enter")) for key in missing)
    with torch.no_grad():
        parts.world_model.rssm.get_parameter("enter.weight")[:, : weight.shape[1]] = weight
    return parts
