"""One gradient step: backward, clip, check, step. Used to train every network of the method."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from backend.pipeline.adam import Adam
from backend.pipeline.report import Diverged
from models.share import ALONE, Share


class Update:
    """Adam with the gradient norm clipped; a step whose gradient is not finite changes nothing, and is recorded.

    Only `check` waits for the device, so that a GPU can do whole updates without the host. Where several processes
    share a batch, the gradient is the mean of theirs.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        learning_rate: float,
        eps: float,
        clip_norm: float,
        share: Share = ALONE,
    ) -> None:
        self._share = share
        self._parameters = [parameter for parameter in parameters if parameter.requires_grad]
        self._clip_norm = clip_norm
        on_gpu = self._parameters[0].is_cuda
        rate = torch.tensor(learning_rate, device=self._parameters[0].device) if on_gpu else learning_rate
        self.optimiser = Adam(self._parameters, lr=rate, eps=eps, fused=True, capturable=on_gpu)
        self._loss = torch.zeros((), device=self._parameters[0].device)  # of the next step
        self._refused = self._loss.repeat(3)  # steps refused; gradient norm and loss of the last of them

    def set_rate(self, learning_rate: float) -> None:
        """Sets the learning rate of the following steps; a recorded update reads it from its tensor."""
        for group in self.optimiser.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(learning_rate)
            else:
                group["lr"] = learning_rate

    def __call__(self, loss: Tensor) -> Tensor:
        """Takes one step down `loss`; returns the gradient norm before clipping, ()."""
        self.add(loss)
        return self.step()

    def add(self, loss: Tensor) -> None:
        """Adds the gradient of one part of the loss to that of the next step."""
        loss.backward(inputs=self._parameters)  # type: ignore[no-untyped-call] # torch stub
        self._loss.add_(loss.detach())

    def step(self) -> Tensor:
        """Takes one step down the parts that were added; returns the gradient norm before clipping, ()."""
        gradients = [parameter.grad for parameter in self._parameters if parameter.grad is not None]
        if self._share.size > 1:
            self._average(gradients)
        norm = nn.utils.get_total_norm(gradients, foreach=True)
        refused = (~norm.isfinite()).float()
        now = torch.stack([self._refused[0] + 1, norm, self._loss])
        self._refused.copy_(torch.where(refused > 0, now, self._refused))
        self._loss.zero_()
        too_long = (norm / self._clip_norm).clamp(
            min=1
        )  # Adam divides gradients by it, and does nothing where refused is 1
        vars(self.optimiser).update(grad_scale=too_long, found_inf=refused)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        return norm

    def _average(self, gradients: list[Tensor]) -> None:
        """Replace gradients and loss by their means over all processes, in one exchange."""
        parts = [*gradients, self._loss]
        flat = self._share.average(torch.cat([part.reshape(-1) for part in parts]))
        means = torch.split(flat, [part.numel() for part in parts])
        for part, mean in zip(parts, means, strict=True):
            part.copy_(mean.view_as(part))

    def check(self) -> None:
        """Raises Diverged if a step was refused."""
        count, norm, loss = self._refused.tolist()
        if count:
            raise Diverged(
                f"the gradient norm is {norm} at a loss of {loss:.4g}, and {count:.0f} updates were refused; try a "
                "smaller learning rate"
            )

    def state_dict(self) -> dict[str, Any]:
        """The optimiser's state."""
        return self.optimiser.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues from what `state_dict` gave, at this run's own rates."""
        own = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": state["state"], "param_groups": own})
