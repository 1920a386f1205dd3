"""Every loss of the paper as a pure function: tensors in, one value per (B, T) out.

Losses are only summed in `total`.
"""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from models.share import ALONE, Share
from models.types import Gaussian

COARSE = (4, 8)  # sizes of the tiles that coarse pictures are averaged over


def kl(left: Gaussian, right: Gaussian) -> Tensor:
    """KL[left || right] of diagonal Gaussians, summed over the last axis: (..., K) -> (...), in nats."""
    ratio = (left.std / right.std).square()
    distance = ((left.mean - right.mean) / right.std).square()
    return 0.5 * (ratio + distance - 1 - ratio.log()).sum(-1)


def latent_kl(latent: Gaussian) -> Tensor:
    """KL[q(bold z given o) || N(0, I)], eq. 2's disentanglement constraint: (B, T, Z) -> (B, T), in nats."""
    return latent_kl_per_dimension(latent).sum(-1)


def latent_kl_per_dimension(latent: Gaussian) -> Tensor:
    """The same, one value per dimension: (..., Z) -> (..., Z), in nats."""
    variance = latent.std.square()
    return 0.5 * (variance + latent.mean.square() - 1 - variance.log())


def dynamics_kl(posterior: Gaussian, prior: Gaussian, balance: float, free_nats: float, share: Share = ALONE) -> Tensor:
    """Balanced KL[posterior || prior] (DreamerV2), each side floored on its mean: (B, T, S) -> (B, T).

    `balance` weighs the side that moves the prior. The floor acts on the mean over the whole batch, of which these may
    be the rows of `share`; the value is one number, repeated over (B, T).
    """
    sides = torch.stack([kl(posterior.detach(), prior).mean(), kl(posterior, prior.detach()).mean()])
    floor = torch.full_like(sides, free_nats)
    towards_posterior, towards_prior = torch.where(share.average(sides.detach()) < free_nats, floor, sides)
    value: Tensor = balance * towards_posterior + (1 - balance) * towards_prior
    return value.expand(posterior.mean.shape[:2])


def image_loss(decoded: Tensor, image: Tensor, weight: Tensor | None = None, coarse: float = 0.0) -> Tensor:
    """-log p(o) under a Normal of unit std, without its constant: (B, T, C, H, W) -> (B, T), in nats.

    `weight` (B, T, 1, H, W) gives some pixels more weight (`models.motion`). `coarse` is the weight of the same
    loss on pictures of a quarter and an eighth of the size (`coarse_image_loss`).
    """
    fine, target = decoded.movedim(-3, -1), image.movedim(-3, -1)  # in memory order, as is their gradient
    error = functional.mse_loss(fine, target, reduction="none")
    if weight is not None:
        error = error * weight.movedim(-3, -1)
    loss = 0.5 * error.sum((-3, -2, -1))
    return loss + coarse * coarse_image_loss(decoded, image, weight) if coarse else loss


def coarse_image_loss(decoded: Tensor, image: Tensor, weight: Tensor | None = None) -> Tensor:
    """The image loss of pictures averaged over 4 x 4 and 8 x 8 pixels, each pixel counted: as `image_loss`.

    A thin body drawn next to its true place gets no gradient towards it at full size; here it does.
    """
    frames = decoded.shape[:-3]
    difference = (decoded - image).reshape(-1, *decoded.shape[-3:])
    loss = difference.new_zeros(len(difference))
    for size in COARSE:
        error = functional.avg_pool2d(difference, size).square()
        if weight is not None:
            error = error * functional.max_pool2d(weight.reshape(-1, *weight.shape[-3:]), size)
        loss = loss + 0.5 * size**2 * error.sum((-3, -2, -1))
    return loss.reshape(frames)


def reward_loss(predicted: Tensor, reward: Tensor) -> Tensor:
    """-log p(reward) under a Normal of unit std, without its constant: (B, T) -> (B, T)."""
    return 0.5 * (predicted - reward).square()


def discount_loss(logit: Tensor, discount: Tensor) -> Tensor:
    """-log p(discount) under a Bernoulli with this logit: (B, T) -> (B, T)."""
    return functional.binary_cross_entropy_with_logits(logit, discount, reduction="none")


def distillation(teacher: Gaussian, student: Gaussian) -> Tensor:
    """Latent distillation (eq. 3), KL[teacher latent || student latent]: (B, T, Z) -> (B, T), in nats."""
    return kl(teacher.detach(), student)


def distillation_as_released(teacher_sample: Tensor, student_sample: Tensor) -> Tensor:
    """The published code's form, for comparison: KL of softmaxes over Z of two samples, (B, T, Z) -> (B, T).

    That code averages over B and *sums* over T; the factor T is included here, so that the mean is the same. It has no
    detach: both sides move.
    """
    target = teacher_sample.log_softmax(-1)
    logits = student_sample.log_softmax(-1)
    return (target.exp() * (target - logits)).sum(-1) * teacher_sample.shape[1]


def total(losses: Mapping[str, Tensor], weights: Mapping[str, float | Tensor]) -> Tensor:
    """The weighted sum of the means, the only place where losses are added."""
    assert losses.keys() == weights.keys(), (sorted(losses), sorted(weights))
    return torch.stack([weights[name] * value.mean() for name, value in losses.items()]).sum()
