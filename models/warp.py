"""Pictures moved along a flow, and which pixels are seen in both of two frames."""

import torch
from torch import Tensor
from torch.nn import functional

SHARE, SLACK = 0.01, 0.5  # of the squared lengths, and in squared pixels: DDFlow's


def warp(image: Tensor, flow: Tensor) -> Tensor:
    """What pixel x of the first frame looks like in the second, image(x + flow(x)): (N, C, H, W), (N, 2, H, W).

    `flow` is in pixels, right and down. Beyond the edge the edge is repeated.
    """
    height, width = image.shape[-2:]
    size = flow.new_tensor((width, height)).view(1, 2, 1, 1)
    place = (2 * (_places(flow) + flow) + 1) / size - 1
    return functional.grid_sample(image, place.movedim(1, -1), padding_mode="border", align_corners=False)


def inside(flow: Tensor) -> Tensor:
    """Whether a pixel's centre stays in the picture: (N, 2, H, W) -> (N, 1, H, W) of 0 and 1."""
    height, width = flow.shape[-2:]
    last = flow.new_tensor((width - 1, height - 1)).view(1, 2, 1, 1)
    end = _places(flow) + flow
    return ((end >= -0.5) & (end <= last + 0.5)).all(1, keepdim=True).to(flow.dtype)


def seen_again(forward: Tensor, backward: Tensor) -> Tensor:
    """Whether a pixel of the first frame is seen in the second: (N, 2, H, W) twice -> (N, 1, H, W) of 0 and 1.

    It is where the way there and back ends close to its start, |f + b|^2 <= 0.01 (|f|^2 + |b|^2) + 0.5.
    """
    back = warp(backward, forward)
    gap = (forward + back).square().sum(1, keepdim=True)
    lengths = forward.square().sum(1, keepdim=True) + back.square().sum(1, keepdim=True)
    return (gap <= SHARE * lengths + SLACK).to(forward.dtype) * inside(forward)


def trusted(seen: Tensor) -> Tensor:
    """The pixels that are seen again (N, 1, H, W); all, if they are less than half of a picture.

    Otherwise a flow that leads nowhere would be seen nowhere, and cost nothing.
    """
    enough = seen.mean((1, 2, 3), keepdim=True) >= 0.5
    return torch.where(enough, seen, 1.0)


def _places(flow: Tensor) -> Tensor:
    """Column and row of each pixel: (1, 2, H, W)."""
    height, width = flow.shape[-2:]
    rows, columns = (torch.arange(size, dtype=flow.dtype, device=flow.device) for size in (height, width))
    return torch.stack((columns.expand(height, width), rows.unsqueeze(1).expand(height, width))).unsqueeze(0)
