"""How a flow is learned from two frames alone (after DDFlow, arXiv 1902.09145, and SelFlow, arXiv 1904.09117)."""

import torch
from torch import Tensor

from models.warp import warp

EPSILON, POWER = 0.01, 0.4
EDGE = 10.0  # how much less smooth a flow has to be where the picture has an edge


def robust(difference: Tensor) -> Tensor:
    """(|d| + 0.01)^0.4."""
    return (difference.abs() + EPSILON).pow(POWER)


def photometric(first: Tensor, second: Tensor, flow: Tensor, seen: Tensor) -> Tensor:
    """How unlike each pixel is to the one it moves to, over those that are seen again: (N, .., H, W) -> (N,)."""
    return mean_over(robust(first - warp(second, flow)), seen)


def smoothness(image: Tensor, flow: Tensor) -> Tensor:
    """Mean |difference of neighbours' flow|, less across the picture's edges: (N, 3, H, W), (N, 2, H, W) -> (N,)."""
    total = flow.new_zeros(len(flow))
    for axis in (-1, -2):
        edge = image.diff(dim=axis).abs().mean(1, keepdim=True)
        total = total + (flow.diff(dim=axis).abs() * torch.exp(-EDGE * edge)).flatten(1).mean(1)
    return total


def flow_distance(student: Tensor, teacher: Tensor, confident: Tensor) -> Tensor:
    """How far the student's flow is from the teacher's where that is confident, in pixels: (N, 2, H, W) twice -> (N,).

    Not the `robust` distance of colours: it is so steep for tiny differences that a network which teaches itself
    comes to teach noise.
    """
    return mean_over(((student - teacher).square() + EPSILON).sqrt(), confident)


def mean_over(values: Tensor, chosen: Tensor) -> Tensor:
    """The mean of values (N, C, H, W) over the chosen pixels (N, 1, H, W), 0 if there are none: (N,)."""
    count = chosen.flatten(1).sum(1) * values.shape[1]
    return (values * chosen).flatten(1).sum(1) / count.clamp(min=1)
