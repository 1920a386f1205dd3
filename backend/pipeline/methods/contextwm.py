"""ContextWM (arXiv 2305.18499): APV with a decoder that sees a frame of the clip, and a second reward head."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from backend.pipeline.methods.parts import Parts, Source, pretrained_of
from backend.pipeline.methods.sections.context import ContextSection
from backend.pipeline.methods.stacked import stacked_parts
from backend.pipeline.settings import LearningSettings
from models.context import ContextDecoder
from models.layers import mlp
from models.losses import reward_loss
from models.types import Batch
from models.video_model import Inference

LAYERS = 2  # of the second reward head, as of the first


def build(settings: LearningSettings, source: Source | None, action_size: int) -> Parts:
    """The pretrained model below, a new one with actions on its features, a decoder with context, and both heads."""
    parts = stacked_parts(settings, source, action_size)
    own, world_model = settings.own(ContextSection), parts.world_model
    old, new = pretrained_of(source).decoder, world_model.decoder
    assert isinstance(old, ContextDecoder) and isinstance(new, ContextDecoder), "checked with the settings"
    new.context.load_state_dict(old.context.state_dict())
    new.erases = own.context_erased
    task = TaskReward(world_model.config.feature, world_model.config.heads, settings.units, own.task_reward_weight)
    return replace(
        parts,
        lessons={"task_reward": task},
        prepare=(task.remember, *parts.prepare),
        companions={**parts.companions, "task_reward": task},
    )


def build_beta(settings: LearningSettings, source: Source | None, action_size: int) -> Parts:
    """The same with latents, which beta keeps close to N(0, I)."""
    parts = build(settings, source, action_size)
    constraints = parts.world_model.encoder.constraints
    weights = {name: weight for name, weight in parts.weights.items() if name not in constraints}
    return replace(parts, weights=weights, constraints=constraints)


class TaskReward(nn.Module):
    """A second reward head, which learns the reward without the bonus; the behaviour uses the first."""

    weight_name, target_size = "task_reward_weight", 1

    def __init__(self, feature: int, heads: slice, units: int, weight: float) -> None:
        super().__init__()
        self.head = mlp(feature, units, LAYERS, 1)
        self._heads, self._weight = heads, weight

    def remember(self, batch: Batch) -> Batch:
        """The batch with its rewards as this lesson's target, before the bonus is added to them."""
        return batch._replace(target=batch.reward.unsqueeze(-1))

    def weight(self, _agent_step: int, _update: int) -> float:
        """Constant."""
        return self._weight

    def target(self, image: Tensor) -> Tensor:
        """A place for the reward, which images do not contain: (N, 1)."""
        return image.new_zeros(len(image), self.target_size, dtype=torch.float32)

    def loss(self, _batch: Batch, target: Tensor, inference: Inference, _generator: torch.Generator | None) -> Tensor:
        """-log p of the reward without the bonus, (B, T)."""
        feature = inference.observed.states.feature[..., self._heads]
        return reward_loss(self.head(feature).squeeze(-1), target.squeeze(-1))

    def learned(self) -> list[nn.Parameter]:
        """The head's weights."""
        return list(self.head.parameters())
