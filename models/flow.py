"""Optical flow: how far each pixel of a frame moves to the next one, from coarse to fine."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.warp import warp

REACH = 2  # pixels of a level, each way, in which a feature is looked for
SLOPE = 0.1


class FlowNetwork(nn.Module):
    """Features of both frames at a half, a quarter and an eighth of their size; each level corrects the one below.

    A level moves the second frame's features along the flow so far, compares them with the first's within REACH, and
    adds what it finds.
    """

    def __init__(self, units: int) -> None:
        """`units`: channels of every convolution but the first."""
        super().__init__()
        sizes = (3, max(units // 2, 1), units, units)
        self.features = nn.ModuleList(_convolutions(before, after, 2) for before, after in pairwise(sizes))
        seen = (2 * REACH + 1) ** 2 + 2
        self.corrections = nn.ModuleList(
            nn.Sequential(_convolutions(seen + size, units), nn.Conv2d(units, 2, 3, padding=1)) for size in sizes[1:]
        )

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """From pictures (N, 3, H, W) in [-0.5, 0.5] to the flow in pixels, right and down: (N, 2, H, W)."""
        levels = []
        both = torch.cat((first, second))
        for layer in self.features:
            both = layer(both)
            levels.append(both.chunk(2))
        flow = first.new_zeros(len(first), 2, *(size // 2 ** (len(levels) + 1) for size in first.shape[-2:]))
        for (here, there), correction in zip(reversed(levels), reversed(self.corrections), strict=True):
            flow = twice_as_large(flow)
            alike = correlation(here, warp(there, flow))
            flow = flow + correction(torch.cat((alike, here, flow), 1))
        return twice_as_large(flow)


def both_ways(network: FlowNetwork, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """The flow of pairs of frames (N, 3, H, W) there and back: (N, 2, H, W) twice."""
    forward, backward = network(torch.cat((first, second)), torch.cat((second, first))).chunk(2)
    return forward, backward


def twice_as_large(flow: Tensor) -> Tensor:
    """The same flow of a picture twice as large: (N, 2, H, W) -> (N, 2, 2 H, 2 W)."""
    return 2 * functional.interpolate(flow, scale_factor=2, mode="bilinear", align_corners=False)


def correlation(here: Tensor, there: Tensor) -> Tensor:
    """The cosine of each place's features with those within REACH of it: (N, C, H, W) twice -> (N, places, H, W)."""
    here, there = (functional.normalize(side, dim=1) for side in (here, there))
    height, width = here.shape[-2:]
    around = functional.pad(there, (REACH,) * 4)
    steps = range(2 * REACH + 1)
    shifted = (around[..., down : down + height, right : right + width] for down in steps for right in steps)
    return torch.stack([(here * other).sum(1) for other in shifted], 1)


def _convolutions(before: int, after: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride, 1),
        nn.LeakyReLU(SLOPE),
        nn.Conv2d(after, after, 3, padding=1),
        nn.LeakyReLU(SLOPE),
    )
