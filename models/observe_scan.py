"""`Recurrence.observe` of an RSSM that learns, in few operations per step (models/scan.py)."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from models.layers import NormGRUCell
from models.rssm import RSSM, Observed
from models.scan import CellSteps, a_copy, by_weight, drawing, drawn_slope, elu_slope
from models.types import Gaussian, State


def observe_scan(
    rssm: RSSM, latent: Tensor, action: Tensor | None, is_first: Tensor, noise: Tensor | None = None
) -> Observed:
    """What `rssm.observe` gives from the zero state, with the gradient by latents and weights; shapes as there."""
    config, enter, linear, norm = rssm.config, rssm.enter, rssm.cell.linear, rssm.cell.norm
    latent, keep = latent.transpose(0, 1), (~is_first).to(latent.dtype).t().unsqueeze(-1)  # (T, B, .)
    of_state, of_action = torch.split(enter.weight, [config.stoch, config.action_size], 1)
    entered = enter.bias.expand(*latent.shape[:2], -1)
    if action is not None:
        entered = functional.linear(action.transpose(0, 1) * keep, of_action, enter.bias)
    of_deter, of_latent = torch.split(rssm.posterior_hidden.weight, [config.deter, config.latents], 1)
    seen = functional.linear(latent, of_latent, rssm.posterior_hidden.bias)
    still = latent.new_zeros(*latent.shape[:2], config.stoch)
    drawn = still if noise is None else noise.transpose(0, 1)
    of_hidden, offset = drawing(rssm.posterior_moments, drawn)
    deter, moments = _ObserveScan.apply(  # type: ignore[no-untyped-call] # torch stub
        *(rssm.cell, keep, None if noise is None else drawn, entered, seen, offset),
        *(of_state, linear.weight, linear.bias, norm.weight, norm.bias, of_deter, of_hidden),
    )
    deter, moments = deter.transpose(0, 1), moments.transpose(0, 1)  # (B, T, .)
    mean, spread = moments[..., : config.stoch], 2 * torch.sigmoid(moments[..., config.stoch :])
    if noise is None:
        posterior = Gaussian(mean, spread + 0.1)
        return Observed(State(deter, mean), rssm.prior(deter), posterior)
    posterior = Gaussian(mean - 0.1 * noise, spread + 0.1)
    return Observed(State(deter, torch.addcmul(mean, spread, noise)), rssm.prior(deter), posterior)


class _ObserveScan(torch.autograd.Function):
    """h and the output of `drawing` for the posterior, (T, B, D) and (T, B, 2 S); without noise the mean is used.

    `entered` (T, B, H) is what actions add to the GRU's input layer, `seen` (T, B, H) what latents add to that of the
    posterior, `offset` (T, B, 2 S) what noise adds to its moments.
    """

    @staticmethod
    def forward(
        ctx: Any,
        cell: NormGRUCell,
        keep: Tensor,
        noise: Tensor | None,
        entered: Tensor,
        seen: Tensor,
        offset: Tensor,
        of_state: Tensor,
        weight: Tensor,
        bias: Tensor,
        _norm_weight: Tensor,
        _norm_bias: Tensor,
        of_deter: Tensor,
        of_hidden: Tensor,
    ) -> tuple[Tensor, Tensor]:
        (hidden, stoch_size), deter_size = of_state.shape, of_deter.shape[1]
        *shape, _ = seen.shape
        left = seen.new_empty(*shape, stoch_size)  # z before each step
        inputs = seen.new_empty(*shape, hidden + deter_size)  # of the GRU: its input layer, and h before the step
        deters, thought = seen.new_empty(*shape, deter_size), torch.empty_like(seen)
        moments = torch.empty_like(offset)
        deter, stoch = seen.new_zeros(shape[1], deter_size), seen.new_zeros(shape[1], stoch_size)
        steps = CellSteps(cell, shape[0], deter)
        for t in range(shape[0]):
            torch.mul(stoch, keep[t], out=left[t])
            before = torch.mul(deter, keep[t], out=inputs[t, :, hidden:])
            functional.elu_(torch.addmm(entered[t], left[t], of_state.t(), out=inputs[t, :, :hidden]))
            torch.addmm(bias, inputs[t], weight.t(), out=steps.raw[t])
            deter = steps.step(t, before, deters[t])
            functional.elu_(torch.addmm(seen[t], deter, of_deter.t(), out=thought[t]))
            torch.addmm(offset[t], thought[t], of_hidden.t(), out=moments[t])
            stoch, raw = moments[t].chunk(2, -1)
            if noise is not None:
                stoch = torch.addcmul(stoch, raw.sigmoid(), noise[t], value=2)
        ctx.steps, ctx.hidden = steps, hidden
        ctx.save_for_backward(
            keep, noise, left, inputs, deters, thought, moments, of_state, weight, of_deter, of_hidden
        )
        return deters, moments

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_deter: Tensor, by_moments: Tensor) -> tuple[Tensor | None, ...]:
        keep, noise, left, inputs, deters, thought, moments, of_state, weight, of_deter, of_hidden = ctx.saved_tensors
        steps: CellSteps = ctx.steps
        entering, before = inputs[..., : ctx.hidden], inputs[..., ctx.hidden :]
        steps.prepare(before)
        retained, entered, thinking = steps.retained * keep, elu_slope(entering), elu_slope(thought)
        drawn = drawn_slope(moments, noise)[:-1] * keep[1:, :, None]
        by_deter, by_moments = a_copy(by_deter), a_copy(by_moments)
        by_thought, by_entering = torch.empty_like(thought), torch.empty_like(entered)
        by_normed, by_raw = torch.empty_like(steps.raw), list[Tensor]()
        for t in reversed(range(len(keep))):
            torch.mm(by_moments[t], of_hidden, out=by_thought[t]).mul_(thinking[t])
            by_deter[t].addmm_(by_thought[t], of_deter)
            by_raw.append(steps.back(t, by_deter[t], by_normed[t]))
            by_inputs = by_raw[-1] @ weight
            torch.mul(by_inputs[:, : ctx.hidden], entered[t], out=by_entering[t])
            if t:
                by_deter[t - 1].addcmul_(by_deter[t], retained[t]).addcmul_(by_inputs[:, ctx.hidden :], keep[t])
                by_stoch = by_entering[t] @ of_state
                by_moments[t - 1].view_as(drawn[t - 1]).addcmul_(by_stoch[:, None], drawn[t - 1])
        gradients = by_entering, by_thought, by_moments
        by_linear = torch.stack(by_raw[::-1])
        by_weights = by_weight(by_entering, left), by_weight(by_linear, inputs), by_linear.sum((0, 1))
        more = *steps.back_to_norm(by_normed), by_weight(by_thought, deters), by_weight(by_moments, thought)
        return None, None, None, *gradients, *by_weights, *more
