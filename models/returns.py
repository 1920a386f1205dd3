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
    own = torch.addcmul(reward, discount, value, value=1 - lam).unbind(1)  # what does not depend on the steps to come
    carried = (lam * discount).unbind(1)
    following = value[:, -1]
    returns = []
    for n in reversed(range(reward.shape[1])):
        following = torch.addcmul(own[n], carried[n], following)
        returns.append(following)
    return torch.stack(returns[::-1], 1)
