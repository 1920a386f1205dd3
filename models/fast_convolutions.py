"""The convolutions of encoder and decoder: torch's own, in the form that a CPU computes fastest.

All have the weights of `nn.Conv2d` and `nn.ConvTranspose2d`, and images (B, C, H, W) in channels-last memory order.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional


class Halve(nn.Conv2d):
    """Kernel 4, stride 2, padding 1: an image of half the size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 4, 2, 1)

    def forward(self, image: Tensor) -> Tensor:
        """(B, I, 2H, 2W) -> (B, O, H, W)."""
        assert self.bias is not None
        return _with_bias_learned(functional.conv2d(image, self.weight, self.bias.detach(), 2, 1), self.bias)


class Double(nn.ConvTranspose2d):
    """Kernel 4, stride 2, padding 1, transposed: an image of twice the size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 4, 2, 1)

    def forward(self, image: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(B, I, H, W) -> (B, O, 2H, 2W)."""
        assert self.bias is not None and output_size is None
        drawn = functional.conv_transpose2d(image, self.weight, self.bias.detach(), 2, 1)
        return _with_bias_learned(drawn, self.bias)


class ToPoint(nn.Conv2d):
    """Kernel 4 on 4 x 4 pixels: one linear layer over all of them."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 4)

    def forward(self, image: Tensor) -> Tensor:
        """(B, I, 4, 4) -> (B, O, 1, 1)."""
        assert image.shape[2:] == (4, 4), tuple(image.shape)
        weight = self.weight.permute(0, 2, 3, 1).flatten(1)
        return functional.linear(image.permute(0, 2, 3, 1).flatten(1), weight, self.bias)[..., None, None]


class FromPoint(nn.ConvTranspose2d):
    """Kernel 4 on one pixel, transposed: a linear layer for 4 x 4 pixels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 4)

    def forward(self, image: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(B, I, 1, 1) -> (B, O, 4, 4)."""
        assert image.shape[2:] == (1, 1) and output_size is None, tuple(image.shape)
        assert self.bias is not None
        weight = self.weight.permute(0, 2, 3, 1).flatten(1).t()
        pixels = functional.linear(image.flatten(1), weight, self.bias.repeat(16))
        return pixels.view(-1, 4, 4, self.out_channels).permute(0, 3, 1, 2)


class ToPixels(Double):
    """The last layer, which has few output channels.

    Each output pixel depends on 2 x 2 inputs, through one of four kernels, chosen by its place in a 2 x 2 tile. CPUs
    compute the four as one ordinary convolution with four times the channels: twice as fast.
    """

    def forward(self, image: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(B, I, H, W) -> (B, O, 2H, 2W)."""
        if image.is_cuda or image.dtype != torch.float32 or torch.is_autocast_enabled(image.device.type):
            return super().forward(image, output_size)
        return _Tiles.apply(image, self.weight, self.bias)  # type: ignore[no-any-return,no-untyped-call] # torch stub


class _Tiles(torch.autograd.Function):
    """The forward pass computes tiles, the backward pass is that of the transposed convolution."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(image, weight)
        taps = weight.flip(2, 3).reshape(*weight.shape[:2], 2, 2, 2, 2)  # on the input before and its own, even and odd
        kernels = taps.permute(3, 5, 1, 0, 2, 4).flatten(0, 2)  # (4 O, I, 2, 2)
        spare = -len(kernels) % 16  # channels are processed in blocks
        kernels = functional.pad(kernels, (0, 0, 0, 0, 0, 0, 0, spare)).contiguous(memory_format=torch.channels_last)
        batch, _, height, width = image.shape
        tiles = functional.conv2d(image, kernels, padding=1).permute(0, 2, 3, 1)  # (B, H + 1, W + 1, 4 O and spare)
        tiles = tiles[..., : 4 * len(bias)].view(batch, height + 1, width + 1, 2, 2, -1)
        drawn = image.new_empty(batch, height, 2, width, 2, len(bias))
        for y, x in ((0, 0), (0, 1), (1, 0), (1, 1)):
            torch.add(tiles[:, y : y + height, x : x + width, y, x], bias, out=drawn[:, :, y, :, x])
        return drawn.view(batch, 2 * height, 2 * width, -1).permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_drawn: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        image, weight = ctx.saved_tensors
        by_image, by_weight, _ = torch.ops.aten.convolution_backward(
            by_drawn, image, weight, None, [2, 2], [1, 1], [1, 1], True, [0, 0], 1, [True, True, False]
        )
        return by_image, by_weight, by_drawn.sum((0, 2, 3))


class _BiasLearned(torch.autograd.Function):
    """Identity forward; routes the gradient to the bias (C) that the image already contains.

    On CPUs a convolution's own bias gradient takes up to twice as long as its other gradients; this sum costs nothing.
    """

    @staticmethod
    def forward(ctx: Any, image: Tensor, bias: Tensor) -> Tensor:
        ctx.mark_dirty(image)
        ctx.kind = bias.dtype
        return image

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_image: Tensor) -> tuple[Tensor, Tensor]:
        return by_image, by_image.sum((0, 2, 3), dtype=ctx.kind)


def _with_bias_learned(image: Tensor, bias: Tensor) -> Tensor:
    if not (torch.is_grad_enabled() and bias.requires_grad):
        return image
    return _BiasLearned.apply(image, bias)  # type: ignore[no-any-return,no-untyped-call] # torch stub
