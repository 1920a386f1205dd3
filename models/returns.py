"""The lambda-return that actor and critic are trained on, and the scale that it is divided by for the actor."""

import torch
from torch import Tensor, nn


def lambda_return(reward: Tensor, value: Tensor, discount: Tensor, lam: float) -> Tensor:
    """Lambda-return of imagined steps, in chronological order: (B, N) each -> (B, N).

    `reward[:, n]`, `value[:, n]` and `discount[:, n]` belong to the state that step n arrives at, so
    R[n] = reward[n] + discount[n] * ((1 - lam) * value[n] + lam * R[n + 1]), and R[N - 1] bootstraps
    on value[N - 1] alone. Source: DreamerV2, eq. 4.
    """
    assert reward.shape == value.shape == discount.shape
    own = torch.addcmul(reward, discount, value, value=1 - lam).unbind(
        1
    )  # the part that does not depend on later steps
    decay = (lam * discount).unbind(1)
    following = value[:, -1]
    returns = []
    for n in reversed(range(reward.shape[1])):
        following = torch.addcmul(own[n], decay[n], following)
        returns.append(following)
    return torch.stack(returns[::-1], 1)


class ReturnScale(nn.Module):
    """The range of returns that an actor's objective is divided by, so that its entropy weight fits any reward.

    A moving average of the distance from the 5th to the 95th percentile; at least 1, so that small returns are not
    blown up. Source: DreamerV3.
    """

    levels: Tensor
    distance: Tensor
    weight: Tensor  # total weight of the average so far

    def __init__(self, decay: float = 0.99) -> None:
        super().__init__()
        self._decay = decay
        self.register_buffer("levels", torch.tensor([0.05, 0.95]), persistent=False)
        self.register_buffer("distance", torch.zeros(()))
        self.register_buffer("weight", torch.zeros(()))

    @torch.no_grad()
    def forward(self, returns: Tensor) -> Tensor:
        """Adds returns (B, N) to the average; returns the divisor, ()."""
        low, high = torch.quantile(returns.flatten(), self.levels)
        self.distance.lerp_(high - low, 1 - self._decay)
        self.weight.lerp_(torch.ones_like(self.weight), 1 - self._decay)
        return (self.distance / self.weight).clamp(min=1)
