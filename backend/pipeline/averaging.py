"""An exponential moving average of weights: what is published and evaluated, while the weights themselves learn."""

import copy
from typing import Any, Generic, TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


class Average(Generic[Network]):
    """The average of a network's weights over its updates, without gradients.

    Each update moves it by `1 - decay` of the way, at first by more, so that initial weights are soon forgotten. At
    a constant learning rate weights keep jumping around what they learn; their average does not.
    Source: Polyak and Juditsky 1992, in the form of TensorFlow's ExponentialMovingAverage; torch's `AveragedModel`
    forgets the first weights no sooner than its decay allows.
    """

    def __init__(self, network: Network, decay: float) -> None:
        self.network: Network = copy.deepcopy(network).requires_grad_(False)
        self._decay = decay

    @torch.no_grad()
    def follow(self, network: Network, updates: int) -> None:
        """Take the weights after so many updates in."""
        decay = min(self._decay, (1 + updates) / (10 + updates))
        own, theirs = ([weight.data for weight in side.parameters()] for side in (self.network, network))
        torch._foreach_lerp_(own, theirs, 1 - decay)
        for own_buffer, buffer in zip(self.network.buffers(), network.buffers(), strict=True):
            own_buffer.copy_(buffer)

    def state_dict(self) -> dict[str, Any]:
        """The averaged weights."""
        return self.network.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from averaged weights, or from those of a run that has averaged none yet."""
        self.network.load_state_dict(state)
