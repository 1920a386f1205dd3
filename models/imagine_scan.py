"""`ActorCritic.imagine` in an RSSM, in few operations per step, for training an actor (models/scan.py)."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from models.distributions import TruncatedNormal
from models.rssm import RSSM
from models.scan import CellSteps, a_copy, by_weight, drawing, drawn_slope, elu_slope
from models.types import State

PolicyOf = Callable[[Tensor], TruncatedNormal]
"""The actor's distribution from its outputs: (..., 2 A) -> (..., A)."""


def imagine_scan(
    actor: nn.Sequential, policy_of: PolicyOf, rssm: RSSM, start: State, uniform: Tensor, noise: Tensor
) -> tuple[State, Tensor]:
    """The states (B, N + 1, .), `start` (B, .) first, and the actor's outputs in all except the last (B, N, 2 A).

    `uniform` (B, N, A) draws actions, `noise` (B, N, S) states. Only the gradient by the actor's weights is computed.
    """
    uniform, noise = uniform.transpose(0, 1), noise.transpose(0, 1)
    with torch.no_grad():
        of_hidden, offset = drawing(rssm.prior_moments, noise)
    learned = [part for layer in actor if isinstance(layer, nn.Linear) for part in (layer.weight, layer.bias)]
    feature, said = _ImagineScan.apply(policy_of, rssm, start.detach(), uniform, noise, of_hidden, offset, *learned)  # type: ignore[no-untyped-call] # torch stub
    stoch, deter = feature.transpose(0, 1).split([rssm.config.stoch, rssm.config.deter], -1)
    return State(deter, stoch), said.transpose(0, 1)


class _ImagineScan(torch.autograd.Function):
    """Features (N + 1, B, S + D) and the actor's outputs (N, B, 2 A)."""

    @staticmethod
    def forward(
        ctx: Any,
        policy_of: PolicyOf,
        rssm: RSSM,
        start: State,
        uniform: Tensor,
        noise: Tensor,
        of_hidden: Tensor,
        offset: Tensor,
        *learned: Tensor,
    ) -> tuple[Tensor, Tensor]:
        count, batch, size = noise.shape
        new = noise.new_empty
        feature = new(count + 1, batch, size + rssm.config.deter)
        torch.cat([start.stoch, start.deter], -1, out=feature[0])
        activations = [
            new(count, batch, len(bias)) for bias in learned[1::2]
        ]  # of the actor's layers, the output layer last
        entering, thought = (new(count, batch, rssm.config.hidden) for _ in range(2))
        moments = torch.empty_like(offset)
        steps = CellSteps(rssm.cell, count, start.deter)
        enter_state, enter_action, cell_entering, cell_deter = _parts(rssm)
        for n in range(count):
            inputs = feature[n]
            for layer, result in enumerate(activations):
                if layer:
                    functional.elu_(inputs)
                inputs = torch.addmm(learned[2 * layer + 1], inputs, learned[2 * layer].t(), out=result[n])
            action = policy_of(inputs).sample(uniform[n])
            stoch, deter = feature[n, :, :size], feature[n, :, size:]
            torch.addmm(rssm.enter.bias, stoch, enter_state.t(), out=entering[n]).addmm_(action, enter_action.t())
            functional.elu_(entering[n])
            torch.addmm(rssm.cell.linear.bias, entering[n], cell_entering.t(), out=steps.raw[n])
            steps.raw[n].addmm_(deter, cell_deter.t())
            after = steps.step(n, deter, feature[n + 1, :, size:])
            torch.addmm(rssm.prior_hidden.bias, after, rssm.prior_hidden.weight.t(), out=thought[n])
            torch.addmm(offset[n], functional.elu_(thought[n]), of_hidden.t(), out=moments[n])
            mean, raw = moments[n].chunk(2, -1)
            torch.addcmul(mean, raw.sigmoid(), noise[n], value=2, out=feature[n + 1, :, :size])
        *hidden, said = activations
        acted = _action_slope(policy_of, said, uniform)
        ctx.rssm, ctx.steps = rssm, steps
        ctx.save_for_backward(noise, of_hidden, feature, acted, entering, thought, moments, *hidden, *learned)
        return feature, said

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_feature: Tensor, by_said: Tensor) -> tuple[Tensor | None, ...]:
        noise, of_hidden, feature, acted, entering, thought, moments, *rest = ctx.saved_tensors
        rssm, steps, size = ctx.rssm, ctx.steps, noise.shape[-1]
        steps.prepare(feature[:-1, :, size:])
        drawn, thinking, entered = drawn_slope(moments, noise), elu_slope(thought), elu_slope(entering)
        enter_state, enter_action, cell_entering, cell_deter = _parts(rssm)
        by_feature, by_said = a_copy(by_feature), a_copy(by_said)
        by_normed = torch.empty_like(steps.raw[0])
        for n in reversed(range(len(noise))):
            by_stoch, by_deter = by_feature[n + 1, :, :size], by_feature[n + 1, :, size:]
            by_thought = ((by_stoch[:, None] * drawn[n]).flatten(1) @ of_hidden).mul_(thinking[n])
            by_deter.addmm_(by_thought, rssm.prior_hidden.weight)
            by_raw = steps.back(n, by_deter, by_normed)
            by_entering = (by_raw @ cell_entering).mul_(entered[n])
            by_said[n].view_as(acted[n]).addcmul_((by_entering @ enter_action)[:, None], acted[n])
            if n:
                by_feature[n, :, size:].addmm_(by_raw, cell_deter).addcmul_(by_deter, steps.retained[n])
                by_feature[n, :, :size].addmm_(by_entering, enter_state)
        layers = (len(rest) + 1) // 3
        inputs, weights = [feature[:-1], *rest[: layers - 1]], rest[layers - 1 :: 2]
        gradients: list[Tensor] = []
        for layer in reversed(range(layers)):
            gradients = [by_weight(by_said, inputs[layer]), by_said.sum((0, 1)), *gradients]
            if layer:
                by_said = (by_said @ weights[layer]).mul_(elu_slope(inputs[layer]))
        return *[None] * 7, *gradients


def _parts(rssm: RSSM) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Weights of the input layer for z and actions, and of the GRU for that layer and h."""
    config = rssm.config
    enter_state, enter_action = torch.split(rssm.enter.weight.detach(), [config.stoch, config.action_size], 1)
    cell_entering, cell_deter = torch.split(rssm.cell.linear.weight.detach(), [config.hidden, config.deter], 1)
    return enter_state, enter_action, cell_entering, cell_deter


def _action_slope(policy_of: PolicyOf, said: Tensor, uniform: Tensor) -> Tensor:
    """The slope of each action entry by the two actor outputs that it depends on, (N, B, 2, A)."""
    with torch.enable_grad():
        said = said.detach().requires_grad_()
        total = policy_of(said).sample(uniform).sum()
    (slope,) = torch.autograd.grad(total, said)
    return slope.view(*uniform.shape[:2], 2, -1)
