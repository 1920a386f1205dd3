"""Latent distillation (eq. 3): the frozen teacher, its weight at a step, and the published code's variant."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from backend.pipeline.methods.parts import Lesson
from models.losses import distillation, distillation_as_released
from models.share import noise_like
from models.types import Batch, Gaussian, normalise
from models.video_model import Inference, VideoModel

Schedule = Callable[[int], float]
"""A weight at an agent step, or the share of it that counts at an update."""


def distill_weight(
    agent_step: int, *, start: float = 0.1, end: float = 0.01, ramp: int = 50_000, delay: int = 0
) -> float:
    """The paper's eta at an agent step: 0 before `delay`, then linear from `start` to `end` over `ramp` steps."""
    if agent_step < delay:
        return 0.0
    passed = min((agent_step - delay) / ramp, 1.0)
    return start + (end - start) * passed


class Distillation(Lesson):
    """The method: KL[teacher latent || student latent] from a video model that never learns."""

    weight_name = "distill_weight"

    def __init__(self, teacher: VideoModel, schedule: Schedule, share: Schedule) -> None:
        self.target_size = 2 * teacher.config.latents
        self.teacher = teacher.eval().requires_grad_(False)
        self._schedule, self._share = schedule, share

    def weight(self, agent_step: int, update: int) -> float:
        """Eta at the step, times the share of it that counts at the update."""
        return self._schedule(agent_step) * self._share(update)

    @torch.no_grad()
    def target(self, image: Tensor) -> Tensor:
        """The teacher's latents, mean and std: (N, 2 Z)."""
        place = next(self.teacher.parameters()).device
        return torch.cat(self.teacher.encode(normalise(image.to(place))), -1)

    def loss(self, _batch: Batch, target: Tensor, inference: Inference, _generator: torch.Generator | None) -> Tensor:
        """`models.losses.distillation`."""
        return distillation(Gaussian(*target.chunk(2, -1)), inference.latent)


class ReleasedDistillation(Lesson):
    """What the published code does instead, for comparison only: all three differences are here.

    The loss is a KL of softmaxes over Z of two samples, averaged over B and summed over T; eta stays what it is at
    step 0 (so with a delay it stays 0); the video model's encoder learns from this loss too, so no target is stored.
    """

    weight_name = "distill_weight"

    def __init__(self, teacher: VideoModel, schedule: Schedule, share: Schedule) -> None:
        self.teacher = teacher.train().requires_grad_(False)
        self.teacher.encoder.requires_grad_(True)
        self._eta, self._share = schedule(0), share

    def weight(self, _agent_step: int, update: int) -> float:
        """Eta at step 0, whatever the step, times the share of it that counts at the update."""
        return self._eta * self._share(update)

    def loss(self, batch: Batch, _target: Tensor, inference: Inference, generator: torch.Generator | None) -> Tensor:
        """`models.losses.distillation_as_released`; its gradient reaches both sides."""
        latent = self.teacher.encode(normalise(batch.image))
        drawn = [side.sample(noise_like(side.mean, generator)) for side in (latent, inference.latent)]
        return distillation_as_released(*drawn)

    def learned(self) -> list[nn.Parameter]:
        """The encoder's weights."""
        return list(self.teacher.encoder.parameters())


DISTILLERS: dict[str, type[Distillation] | type[ReleasedDistillation]] = {
    "gaussian": Distillation,
    "as-released": ReleasedDistillation,
}
