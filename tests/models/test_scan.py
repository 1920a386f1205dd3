"""Recurrence and imagination in few operations: the values and gradients of the reference forms."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from models import observe_scan as observing
from models.actor_critic import ActorCritic, Chances
from models.config import ActorCriticConfig, VideoModelConfig, WorldModelConfig
from models.fast_rssm import FastRSSM
from models.imagine_scan import imagine_scan
from models.observe_scan import observe_scan
from models.rssm import RSSM, Observed
from models.types import State
from models.video_model import VideoModel

ROUNDING = {torch.float64: 1e-12, torch.float32: 1e-5}
B, T = 5, 7


def untidy(module: torch.nn.Module, kind: torch.dtype) -> None:
    """Weights that keep every unit out of saturation, including biases and layer norm."""
    for parameter in module.to(kind).parameters():
        parameter.data = torch.randn_like(parameter) * 0.3


def some_sum(results: Sequence[Tensor]) -> Tensor:
    """A scalar that depends on every entry of the results with a different weight."""
    generator = torch.Generator().manual_seed(3)
    weights = [torch.randn(result.shape, generator=generator, dtype=result.dtype) for result in results]
    return torch.stack([(result * weight).sum() for result, weight in zip(results, weights, strict=True)]).sum()


def assert_same(mine: Sequence[Tensor], theirs: Sequence[Tensor], bar: float) -> None:
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=bar * max(float(other.detach().abs().max()), 1))


@pytest.mark.parametrize("kind", ROUNDING)
@pytest.mark.parametrize("actions", [0, 3])
@pytest.mark.parametrize("drawn", [False, True])
def test_observe_scan_gives_the_loops_values_and_gradients(kind: torch.dtype, actions: int, drawn: bool) -> None:
    torch.manual_seed(0)
    rssm = RSSM(VideoModelConfig(latents=4, stoch=6, deter=8, hidden=7, action_size=actions))
    untidy(rssm, kind)
    latent = torch.randn(B, T, 4, dtype=kind, requires_grad=True)
    action = torch.randn(B, T, actions, dtype=kind) if actions else None
    is_first = torch.rand(B, T) < 0.3
    noise = torch.randn(B, T, 6, dtype=kind) if drawn else None
    assert is_first[:, 1:].any() and not is_first.all()
    outcomes = []
    for observed in (
        observe_scan(rssm, latent, action, is_first, noise),
        rssm.observe(latent, action, is_first, noise=noise),
    ):
        results = [*observed.states, *observed.prior, *observed.posterior]
        outcomes.append((results, torch.autograd.grad(some_sum(results), [latent, *rssm.parameters()])))
    for mine, theirs in zip(*outcomes, strict=True):
        assert_same(mine, theirs, ROUNDING[kind])


def test_a_wrong_slope_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observing, "elu_slope", torch.ones_like)
    with pytest.raises(AssertionError, match="not close"):
        test_observe_scan_gives_the_loops_values_and_gradients(torch.float64, 3, True)


def a_pair(kind: torch.dtype) -> tuple[RSSM, ActorCritic, State, Chances]:
    torch.manual_seed(0)
    config = WorldModelConfig(latents=4, stoch=6, deter=8, hidden=7, action_size=2)
    rssm, behaviour = RSSM(config), ActorCritic(ActorCriticConfig(config.feature, 2, units=9, actor_layers=3))
    untidy(rssm, kind)
    untidy(behaviour.actor, kind)
    start = State(torch.rand(B, 8, dtype=kind), torch.randn(B, 6, dtype=kind))
    return rssm, behaviour, start, Chances(torch.rand(B, T, 2, dtype=kind), torch.randn(B, T, 6, dtype=kind))


def plainly(rssm: RSSM, behaviour: ActorCritic, start: State, chances: Chances) -> tuple[State, Tensor]:
    """The reference form's actions of an actor that sees the whole feature."""
    return rssm.follow_actor(behaviour.actor, behaviour.policy_of, start, *chances, seen=slice(0, 14))


@pytest.mark.parametrize("kind", ROUNDING)
def test_imagine_scan_gives_the_loops_values_and_the_actors_gradient(kind: torch.dtype) -> None:
    rssm, behaviour, start, chances = a_pair(kind)
    outcomes = []
    for states, said in (
        imagine_scan(behaviour.actor, behaviour.policy_of, rssm, start, *chances),
        plainly(rssm, behaviour, start, chances),
    ):
        results = [*states, said]
        assert [part.shape for part in results] == [(B, T + 1, 8), (B, T + 1, 6), (B, T, 4)]
        outcomes.append((results, torch.autograd.grad(some_sum(results), list(behaviour.actor.parameters()))))
    for mine, theirs in zip(*outcomes, strict=True):
        assert_same(mine, theirs, ROUNDING[kind])


class Operations(TorchDispatchMode):
    """Counts the operations that compute or copy: each is about one kernel on a GPU."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += not func.is_view
        return func(*args, **(kwargs or {}))


def operations_a_step(by: Sequence[Tensor], work: Callable[[int], Sequence[Tensor]]) -> float:
    """Counts of `work` over some steps, and of its gradient by some weights."""
    counts = []
    for steps in (2, T):
        with Operations() as counted:
            torch.autograd.grad(some_sum(work(steps)), by)
        counts.append(counted.count)
    return (counts[1] - counts[0]) / (T - 2)


def test_a_step_is_less_than_half_of_the_loops_operations() -> None:
    rssm, behaviour, start, chances = a_pair(torch.float32)
    noise, is_first = torch.randn(B, T, 6), torch.zeros(B, T, dtype=torch.bool)
    latent, action = torch.randn(B, T, 4, requires_grad=True), torch.randn(B, T, 2)

    def results(observed: Observed) -> list[Tensor]:
        return [*observed.states, *observed.prior, *observed.posterior]

    def given(n: int) -> tuple[Tensor, ...]:
        return latent[:, :n], action[:, :n], is_first[:, :n]

    weights = list(rssm.parameters())
    mine = operations_a_step(weights, lambda n: results(observe_scan(rssm, *given(n), noise[:, :n])))
    loop = operations_a_step(weights, lambda n: results(rssm.observe(*given(n), noise=noise[:, :n])))
    assert mine <= 26 and loop > 2.5 * mine

    def chances_of(n: int) -> Chances:
        return Chances(chances.uniform[:, :n], chances.noise[:, :n])

    actor = list(behaviour.actor.parameters())
    mine = operations_a_step(
        actor, lambda n: imagine_scan(behaviour.actor, behaviour.policy_of, rssm, start, *chances_of(n))[0]
    )
    loop = operations_a_step(actor, lambda n: plainly(rssm, behaviour, start, chances_of(n))[0])
    assert mine <= 60 and loop > 2 * mine


def test_a_model_that_learns_uses_the_scan_and_one_that_serves_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[str] = []
    model = VideoModel(VideoModelConfig(latents=4, stoch=6, deter=8, hidden=8, kernels=(4, 4, 4, 4, 8)))
    monkeypatch.setattr("models.fast_rssm.observe_scan", lambda *given: used.append("scan") or observe_scan(*given))
    latent, is_first = torch.randn(2, 3, 4), torch.zeros(2, 3, dtype=torch.bool)
    learning = model.observe(latent, None, is_first).states.deter
    assert used == ["scan"] and isinstance(model.rssm, FastRSSM)
    with torch.no_grad():
        torch.testing.assert_close(model.observe(latent, None, is_first).states.deter, learning)
    assert used == ["scan"]
