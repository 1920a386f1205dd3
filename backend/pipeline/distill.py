"""Latent distillation (eq. 3): the frozen teacher, and how much it counts at a step."""

from typing import Any

import torch
from torch import Tensor

from models.types import Gaussian, normalise
from models.video_model import VideoModel


def distill_weight(
    agent_step: int, *, start: float = 0.1, end: float = 0.01, ramp: int = 50_000, delay: int = 0
) -> float:
    """The paper's eta at an agent step: 0 before `delay`, then linear from `start` to `end` over `ramp` steps."""
    if agent_step < delay:
        return 0.0
    passed = min((agent_step - delay) / ramp, 1.0)
    return start + (end - start) * passed


class Teacher:
    """A pretrained video model that is asked for latents and never learns: in evaluation mode, without gradient."""

    def __init__(self, model: VideoModel) -> None:
        self._model = model.eval().requires_grad_(False)

    @torch.no_grad()
    def latent(self, image: Tensor) -> Gaussian:
        """Latents of images as they rest: (B, T, H, W, C) uint8 -> Gaussian (B, T, Z)."""
        return self._model.encode(normalise(image))

    def to(self, device: str) -> "Teacher":
        """The teacher on a device."""
        self._model.to(device)
        return self

    def state_dict(self) -> dict[str, Any]:
        """Its weights, for a test to see that none moved."""
        return self._model.state_dict()
