"""The image loss of a long batch, decoded a few hundred frames at a time: the same gradient in less memory."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from models.context import InContext
from models.losses import image_loss
from models.vae import FRAMES_AT_ONCE


def decoded_image_loss(
    decoder: nn.Module, feature: Tensor, image: Tensor, weight: Tensor | None = None, coarse: float = 0.0
) -> Tensor:
    """`image_loss` of pictures decoded from features (B, T, F), against images (B, T, C, H, W): (B, T), in nats.

    `weight` (B, T, 1, H, W) and `coarse` are those of `image_loss`.

    When a CPU trains on many frames, each part's gradient is computed before the next part is decoded, so that only the
    feature maps of one part are in memory; the value is then one number, the mean, repeated over (B, T). A decoder that
    sees a frame of each clip needs the clips whole.
    """
    frames = feature.shape[0] * feature.shape[1]
    whole = feature.is_cuda or frames <= FRAMES_AT_ONCE or isinstance(decoder, InContext)
    if whole or not torch.is_grad_enabled():
        return image_loss(decoder(feature), image, weight, coarse)
    learned = [parameter for parameter in decoder.parameters() if parameter.requires_grad]
    flat = feature.flatten(0, 1), image.flatten(0, 1), None if weight is None else weight.flatten(0, 1)
    mean: Tensor = _MeanImageLoss.apply(decoder, coarse, *flat, *learned)  # type: ignore[no-untyped-call] # torch stub
    return mean.expand(feature.shape[:2])


class _MeanImageLoss(torch.autograd.Function):
    """The mean over frames; `forward` already computes its gradient by features (N, F) and decoder parameters."""

    @staticmethod
    def forward(
        ctx: Any,
        decoder: nn.Module,
        coarse: float,
        feature: Tensor,
        image: Tensor,
        weight: Tensor | None,
        *learned: Tensor,
    ) -> Tensor:
        mean = feature.new_zeros(())
        by_feature = torch.empty_like(feature)
        by_learned = [torch.zeros_like(parameter) for parameter in learned]
        for first in range(0, len(feature), FRAMES_AT_ONCE):
            rows = slice(first, first + FRAMES_AT_ONCE)
            with torch.enable_grad():
                part = feature[rows].detach().requires_grad_()
                pixels = None if weight is None else weight[rows]
                share = image_loss(decoder(part), image[rows], pixels, coarse).sum() / len(feature)
            by_feature[rows], *gradients = torch.autograd.grad(share, (part, *learned))
            torch._foreach_add_(by_learned, gradients)
            mean += share.detach()
        ctx.save_for_backward(by_feature, *by_learned)
        return mean

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor | None, ...]:
        by_feature, *by_learned = ctx.saved_tensors
        return None, None, outer * by_feature, None, None, *(outer * gradient for gradient in by_learned)
