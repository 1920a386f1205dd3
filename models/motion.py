"""Which pixels of an episode move: the small bodies that a squared error over whole pictures learns last."""

import torch
from torch import Tensor
from torch.nn import functional

THRESHOLD = 0.06  # of the range of a colour channel
FLICKER = 0.25  # share of an episode that changes where its colours do, and not only its bodies
SURROUNDINGS = 11  # pixels


@torch.no_grad()
def moving_pixels(image: Tensor) -> Tensor:
    """Where an episode moves: (T, H, W, C) uint8 -> (T, H, W) bool.

    Pixels where any channel differs by more than THRESHOLD from its mean over the episode, and their neighbours. Where
    that is most of the episode, its colours flicker: then only those that also change against their surroundings.
    """
    picture = image.float().movedim(-1, 1)
    moved = _changes(picture)
    if moved.float().mean() > FLICKER:
        moved &= _changes(picture - functional.avg_pool2d(picture, SURROUNDINGS, 1, SURROUNDINGS // 2, False, False))
    return functional.max_pool2d(moved.float().unsqueeze(1), 3, 1, 1)[:, 0] > 0


def _changes(picture: Tensor) -> Tensor:
    """Where any channel is off its mean over time: (T, C, H, W) in [0, 255] -> (T, H, W) bool."""
    return (picture - picture.mean(0, keepdim=True)).abs().amax(1) > THRESHOLD * 255


def motion_weights(moving: Tensor, weight: float) -> Tensor:
    """The weight of each pixel in the image loss: (B, T, H, W) bool -> (B, T, 1, H, W), 1 or 1 + `weight`."""
    return (1 + weight * moving.float()).unsqueeze(2)
