"""The lambda-return that actor and critic learn towards."""

import torch
from torch import Tensor


def lambda_return(reward: Tensor, value: Tensor, discount: Tensor, lam: float) -> Tensor:
    """Lambda-return of imagined steps, in the order of time: (B, N) each -> (B, N).

    `reward[:, n]`, `value[:, n]` and `discount[:, n]` belong to the state that step n arrives at, so
    R[n] = reward[n] + discount[n] * ((1 - lam) * value[n] + lam * R[n + 1]), and R[N - 1] bootstraps
    on value[N - 1] alone. Source: DreamerV2, eq. 4.
    """
    assert reward.shape == value.shape == discount.shape
    following = value[:, -1]
    returns = []
    for n in reversed(range(reward.shape[1])):
        following = reward[:, n] + discount[:, n] * torch.lerp(value[:, n], following, lam)
        returns.append(following)
    return torch.stack(returns[::-1], 1)
