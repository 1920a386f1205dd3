"""Latent distillation (eq. 3): the frozen teacher, how much it counts at a step, and the published code's variant."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn

from models.losses import distillation, distillation_as_released
from models.types import Batch, Gaussian, normalise
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

    def target(self, image: Tensor) -> Tensor:
        """What never changes about images as they rest (N, H, W, C) uint8, kept beside them: (N, K)."""
        ...

    def loss(self, batch: Batch, student: Gaussian, generator: torch.Generator | None) -> Tensor:
        """For a batch, its targets among it, and the student's latents (B, T, Z): (B, T)."""
        ...

    def learned(self) -> list[nn.Parameter]:
        """Weights of the video model that learn along with the student: none, where it is frozen."""
        ...


class Distillation:
    """The method: KL[teacher latent || student latent] from a video model that never learns."""

    def __init__(self, teacher: VideoModel, schedule: Schedule) -> None:
        self.teacher = teacher.eval().requires_grad_(False)
        self.weight = schedule

    @torch.no_grad()
    def target(self, image: Tensor) -> Tensor:
        """The teacher's latents, mean and std: (N, 2 Z)."""
        place = next(self.teacher.parameters()).device
        return torch.cat(self.teacher.encode(normalise(image.to(place))), -1)

    def loss(self, batch: Batch, student: Gaussian, _generator: torch.Generator | None) -> Tensor:
        """`models.losses.distillation`."""
        return distillation(Gaussian(*batch.target.chunk(2, -1)), student)

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

    def target(self, image: Tensor) -> Tensor:
        """None, as the video model changes: (N, 0)."""
        return image.new_zeros(len(image), 0, dtype=torch.float32)

    def loss(self, batch: Batch, student: Gaussian, generator: torch.Generator | None) -> Tensor:
        """`models.losses.distillation_as_released`; its gradient reaches both sides."""
        latent = self.teacher.encode(normalise(batch.image))
        drawn = [side.sample(noise_like(side.mean, generator)) for side in (latent, student)]
        return distillation_as_released(*drawn)

    def learned(self) -> list[nn.Parameter]:
        """The encoder's weights."""
        return list(self.teacher.encoder.parameters())


def with_target(batch: Batch, distiller: Distiller | None) -> Batch:
    """A batch that comes from no replay, with the targets that a replay would have kept."""
    if distiller is None:
        return batch
    return batch._replace(target=torch.stack([distiller.target(images) for images in batch.image]))


DISTILLERS: dict[str, type[Distillation] | type[ReleasedDistillation]] = {
    "gaussian": Distillation,
    "as-released": ReleasedDistillation,
}
