"""Which pixels of an episode move: the small bodies that a squared error over whole pictures learns last."""

import torch
from torch import Tensor
from torch.nn import functional

THRESHOLD = 0.06  # of the range of a colour channel


@torch.no_grad()
def moving_pixels(image: Tensor) -> Tensor:
    """Where an episode moves: (T, H, W, C) uint8 -> (T, H, W) bool.

    Pixels where any channel differs by more than THRESHOLD from its mean over the episode, and their neighbours.
    """
    difference = (image.float() - image.float().mean(0, keepdim=True)).abs().amax(-1)
    moved = (difference > THRESHOLD * 255).float().unsqueeze(1)
    return functional.max_pool2d(moved, 3, 1, 1)[:, 0] > 0


def motion_weights(moving: Tensor, weight: float) -> Tensor:
    """The weight of each pixel in the image loss: (B, T, H, W) bool -> (B, T, 1, H, W), 1 or 1 + `weight`."""
    return (1 + weight * moving.float()).unsqueeze(2)
