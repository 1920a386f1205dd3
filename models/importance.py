"""Importance weights: what a loss over recorded actions would be under another policy."""

import torch
from torch import Tensor


def importance_weights(target: Tensor, behaviour: Tensor, power: float, most: float) -> Tensor:
    """(target / behaviour)^power of log densities (N,), divided by their mean, then cut at `most`: (N,).

    They are cut above only: a lower end would bring back what the policy never does, and with it the recorded mean.
    `power` below 1 is a compromise with the recorded actions (Shimodaira 2000); 0 takes them as they are.
    """
    logarithm = power * (target - behaviour)
    return (logarithm.softmax(0) * len(logarithm)).clamp(max=most)


def effective_share(weights: Tensor) -> Tensor:
    """Effective sample size as a share of the samples, (sum w)^2 / (N sum w^2): (N,) -> (), from 1/N to 1."""
    return weights.sum().square() / (len(weights) * weights.square().sum()).clamp(min=torch.finfo(weights.dtype).tiny)
