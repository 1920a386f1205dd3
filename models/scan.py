"""Shared parts of the recurrence over many steps in training: few operations per step, with gradients by hand.

`Recurrence.observe` and `ActorCritic.imagine` define what is computed; tests check that `observe_scan` and
`imagine_scan` give the same. Inputs of the steps are projected for all steps at once. In the backward pass a step
passes on only what the previous step needs: slopes of activations are computed for all steps beforehand, gradients of
weights afterwards.
"""

import torch
from torch import Tensor, nn

from models.layers import NormGRUCell


class CellSteps:
    """N steps of a `NormGRUCell` for B states: the values of each step, and their gradient."""

    def __init__(self, cell: NormGRUCell, steps: int, like: Tensor) -> None:
        """`like` (B, D) is a state h."""
        batch, self.size = like.shape
        self.norm = cell.norm
        self.shift = self.norm.bias.detach().clone()
        self.shift[2 * self.size :] -= 1  # the bias of the update gate
        self.raw, self.gates = like.new_empty(2, steps, batch, 3 * self.size)
        self.candidate = like.new_empty(steps, batch, self.size)
        self.normed: list[Tensor] = []
        self.moments: list[tuple[Tensor, Tensor]] = []

    def step(self, n: int, before: Tensor, after: Tensor) -> Tensor:
        """From `raw[n]`, the linear layer's output in step n, and h `before` it to h `after` it, (B, D) each."""
        norm, size = self.norm, self.size
        shape = norm.normalized_shape
        normed, mean, scale = torch.native_layer_norm(self.raw[n], shape, norm.weight.detach(), self.shift, norm.eps)
        self.normed.append(normed)
        self.moments.append((mean, scale))
        gates = torch.sigmoid(normed, out=self.gates[n])  # the candidate's third is not used
        candidate = torch.mul(gates[:, :size], normed[:, size : 2 * size], out=self.candidate[n]).tanh_()
        return torch.lerp(before, candidate, gates[:, 2 * size :], out=after)

    def prepare(self, before: Tensor) -> None:
        """Computes the slopes of all steps, given h `before` each (N, B, D)."""
        reset, _, update = self.gates.chunk(3, -1)
        normed = torch.stack(self.normed)[..., self.size : 2 * self.size]
        by_candidate = update * (1 - self.candidate.square())
        by_reset = by_candidate * normed * reset * (1 - reset)
        by_update = (self.candidate - before) * update * (1 - update)
        self.slopes = torch.stack([by_reset, by_candidate * reset, by_update], 2)  # (N, B, 3, D)
        self.retained = 1 - update  # the share of h before in h after

    def back(self, n: int, deter: Tensor, normed: Tensor) -> Tensor:
        """The gradient by `raw[n]` (B, 3 D), from that by h after (B, D); `normed` gets that by the norm's result."""
        torch.mul(deter[:, None], self.slopes[n], out=normed.view_as(self.slopes[n]))
        raw, _, _ = self._norm_back(normed, self.raw[n], self.moments[n], [True, False, False])
        return raw

    def back_to_norm(self, normed: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients by weight and bias of the layer norm, from those by its results (N, B, 3 D)."""
        mean, scale = (torch.stack(parts) for parts in zip(*self.moments, strict=True))
        _, weight, bias = self._norm_back(normed, self.raw, (mean, scale), [False, True, True])
        return weight, bias

    def _norm_back(
        self, normed: Tensor, raw: Tensor, moments: tuple[Tensor, Tensor], wanted: list[bool]
    ) -> tuple[Tensor, Tensor, Tensor]:
        norm = self.norm
        shape, weight = norm.normalized_shape, norm.weight.detach()
        gradients: tuple[Tensor, Tensor, Tensor] = torch.ops.aten.native_layer_norm_backward(
            normed, raw, shape, *moments, weight, self.shift, wanted
        )
        return gradients


def drawing(linear: nn.Linear, noise: Tensor) -> tuple[Tensor, Tensor]:
    """A layer of moments for which z is `mean + 2 * noise * sigmoid(raw)`: its weight, and its bias in every step.

    The share of noise (N, B, S) that no weight changes, that of the least std, is in the bias (N, B, 2 S).
    """
    halves = linear.weight.chunk(2)
    mean, raw = linear.bias.chunk(2)
    offset = torch.cat([mean + 0.1 * noise, (raw / 2).expand_as(noise)], -1)
    return torch.cat([halves[0], halves[1] / 2]), offset


def drawn_slope(moments: Tensor, noise: Tensor | None) -> Tensor:
    """The slope of z by the output of `drawing`, (N, B, 2, S); without noise z is the mean."""
    mean, raw = moments.chunk(2, -1)
    spread = torch.sigmoid(raw)
    by_raw = torch.zeros_like(raw) if noise is None else 2 * noise * spread * (1 - spread)
    return torch.stack([torch.ones_like(mean), by_raw], 2)


def elu_slope(activation: Tensor) -> Tensor:
    """The slope of ELU, from its result."""
    return activation.clamp(max=0).add_(1)


def by_weight(outputs: Tensor, inputs: Tensor) -> Tensor:
    """The gradient by a linear layer's weight, from that by its outputs (N, B, O) and its inputs (N, B, I): (O, I)."""
    return outputs.flatten(0, 1).t() @ inputs.flatten(0, 1)


def a_copy(gradients: Tensor) -> Tensor:
    """An accumulator that keeps the rows of a step next to each other: (N, B, K)."""
    return gradients.clone(memory_format=torch.contiguous_format)
