"""One gradient step: backward, clip, check, step. Every net of the method is trained by it."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from backend.pipeline.report import Diverged


class Update:
    """Adam with the gradient norm clipped; a step whose gradient is not finite is refused."""

    def __init__(self, parameters: Iterable[nn.Parameter], learning_rate: float, eps: float, clip_norm: float) -> None:
        self._parameters = [parameter for parameter in parameters if parameter.requires_grad]
        self._clip_norm = clip_norm
        self._loss = torch.zeros(())
        self.optimiser = torch.optim.Adam(self._parameters, lr=learning_rate, eps=eps, foreach=True)

    def __call__(self, loss: Tensor) -> float:
        """Takes one step down `loss`; returns the gradient norm before clipping, raises Diverged."""
        self.add(loss)
        return self.step()

    def add(self, loss: Tensor) -> None:
        """Adds the gradient of one part of the loss to that of the step to come."""
        loss.backward(inputs=self._parameters)  # type: ignore[no-untyped-call] # torch stub
        self._loss = self._loss + loss.detach()

    def step(self) -> float:
        """Takes one step down the parts that were added; returns the gradient norm, raises Diverged."""
        norm = float(nn.utils.clip_grad_norm_(self._parameters, self._clip_norm, foreach=True))
        loss, self._loss = float(self._loss), torch.zeros(())
        if not math.isfinite(norm):
            raise Diverged(f"the gradient norm is {norm} at a loss of {loss:.4g}; try a smaller learning rate")
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        return norm

    def state_dict(self) -> dict[str, Any]:
        """The optimiser's state."""
        return self.optimiser.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from what `state_dict` gave."""
        self.optimiser.load_state_dict(state)
