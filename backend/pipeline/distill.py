"""Latent distillation (eq. 3): the frozen teacher, how much it counts at a step, and the published code's variant."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn

from models.losses import distillation, distillation_as_released
from models.types import Gaussian, normalise
from models.video_model import VideoModel, noise_like

Schedule = Callable[[int], float]


def distill_weight(
    agent_step: int, *, start: float = 0.1, end: float = 0.01, ramp: int = 50_000, delay: int = 0
) -> float:
    """The paper's eta at an agent step: 0 before `delay`, then linear from `start` to `end` over `ramp` steps."""
    if agent_step < delay:
        return 0.0
    passed = min((agent_step - delay) / ramp, 1.0)
    return start + (end - start) * passed


class Distiller(Protocol):
    """Pulls the student's latent of an image towards the video model's."""

    teacher: VideoModel

    def weight(self, agent_step: int) -> float:
        """The weight of the loss at a step, the paper's eta."""
        ...

    def loss(self, image: Tensor, student: Gaussian, generator: torch.Generator | None) -> Tensor:
        """For images as they rest (B, T, H, W, C) uint8 and the student's latents (B, T, Z): (B, T)."""
        ...

    def learned(self) -> list[nn.Parameter]:
        """Weights of the video model that learn along with the student: none, where it is frozen."""
        ...


class Distillation:
    """The method: KL[teacher latent || student latent] from a video model that never learns."""

    def __init__(self, teacher: VideoModel, schedule: Schedule) -> None:
        self.teacher = teacher.eval().requires_grad_(False)
        self.weight = schedule

    def loss(self, image: Tensor, student: Gaussian, _generator: torch.Generator | None) -> Tensor:
        """`models.losses.distillation`, the teacher asked without gradient."""
        with torch.no_grad():
            latent = self.teacher.encode(normalise(image))
        return distillation(latent, student)

    def learned(self) -> list[nn.Parameter]:
        """None."""
        return []


class ReleasedDistillation:
    """What the published code does instead, for comparison only: three differences, all of them here.

    The loss is a KL of softmaxes over Z of two samples, averaged over B and summed over T; eta stays what it is at
    step 0 (so with a delay it stays 0); the video model's encoder learns from this loss too.
    """

    def __init__(self, teacher: VideoModel, schedule: Schedule) -> None:
        self.teacher = teacher.train().requires_grad_(False)
        self.teacher.encoder.requires_grad_(True)
        self._eta = schedule(0)

    def weight(self, _agent_step: int) -> float:
        """Eta at step 0, whatever the step."""
        return self._eta

    def loss(self, image: Tensor, student: Gaussian, generator: torch.Generator | None) -> Tensor:
        """`models.losses.distillation_as_released`; its gradient reaches both sides."""
        latent = self.teacher.encode(normalise(image))
        drawn = [side.sample(noise_like(side.mean, generator)) for side in (latent, student)]
        return distillation_as_released(*drawn)

    def learned(self) -> list[nn.Parameter]:
        """The encoder's weights."""
        return list(self.teacher.encoder.parameters())


DISTILLERS: dict[str, type[Distillation] | type[ReleasedDistillation]] = {
    "gaussian": Distillation,
    "as-released": ReleasedDistillation,
}
