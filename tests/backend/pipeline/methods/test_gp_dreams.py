"""gp-dreams: the process knows how sure it is, imagination carries its variance, curiosity pays for what is unknown."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from backend.pipeline.builder import build_settings
from backend.pipeline.finetune import Finetuning
from backend.pipeline.methods.behaviour import RewardHead
from backend.pipeline.methods.build import build_parts
from backend.pipeline.methods.gp_dreams import Curious
from backend.pipeline.settings import FinetuneSettings, SettingsError
from models.actor_critic import Imagined
from models.config import WorldModelConfig
from models.gaussian_process import PACE, Foretold, SparseProcess
from models.process_rssm import ProcessRSSM, process_deter
from models.types import State
from models.world_model import WorldModel
from tests.support.making import a_batch

NOISE, WIDE = 0.2, 1.645  # standard deviations to either side that hold 90%
SIZES = WorldModelConfig(
    latents=4, stoch=1, deter=process_deter(1, 1), hidden=32, action_size=1, inducing=16, head_units=8
)


def change(place: Tensor) -> Tensor:
    """How far the known system moves from a place, without its noise."""
    return torch.sin(3 * place)


@pytest.fixture(scope="module")
def learned() -> ProcessRSSM:
    """Recurrent dynamics that learned z' = z + sin(3 z) + noise from places in [-1, 1]."""
    torch.manual_seed(0)
    rssm, generator = WorldModel(SIZES).rssm, torch.Generator().manual_seed(0)
    assert isinstance(rssm, ProcessRSSM)
    optimiser = torch.optim.Adam(rssm.process.parameters(), 1e-2)
    place = 2 * torch.rand(200, generator=generator) - 1
    arrived = place + change(place) + NOISE * torch.randn(200, generator=generator)
    for _ in range(120):
        optimiser.zero_grad()
        belief = rssm.prior(seen(place))
        misses = 0.5 * ((arrived[:, None] - belief.mean) / belief.noise).square() + belief.noise.log()
        (misses.mean() + belief.trace.mean() + rssm.process.divergence() / 200).backward()
        optimiser.step()
    return rssm.requires_grad_(False)


def seen(place: Tensor) -> Tensor:
    """The `deter` (..., 4) of states at rest at these places, without an action."""
    nothing = torch.zeros_like(place)
    return torch.stack([place, nothing, nothing, nothing + 1], -1)


def covered(belief: Foretold, std: Tensor, place: Tensor) -> float:
    """Share of arrivals at 90% confidence, for a standard deviation (N, 1)."""
    arrived = place + change(place) + NOISE * torch.randn(len(place), generator=torch.Generator().manual_seed(1))
    return float(((arrived[:, None] - belief.mean).abs() < WIDE * std).float().mean())


def test_it_is_right_and_as_sure_as_it_should_be_where_data_lay(learned: ProcessRSSM) -> None:
    place = torch.linspace(-0.95, 0.95, 400)
    belief = learned.prior(seen(place))
    assert float(belief.noise[0]) == pytest.approx(NOISE, rel=0.2) and float(belief.doubt.mean()) < 0.5 * NOISE
    error = (belief.mean.squeeze(-1) - place - change(place)).square().mean().sqrt()
    assert float(error) < 0.5 * NOISE
    assert covered(belief, belief.std, place) == pytest.approx(0.9, abs=0.05)


def test_away_from_the_data_its_doubt_grows_to_the_priors_and_a_constant_one_is_wrong(learned: ProcessRSSM) -> None:
    inside, outside = learned.prior(seen(torch.linspace(-0.9, 0.9, 50))), learned.prior(seen(torch.tensor([40.0])))
    assert float(outside.doubt) == pytest.approx(float(learned.process.log_scale.exp()), rel=1e-3)
    assert float(outside.doubt) > 8 * float(inside.doubt.mean()) and float(outside.std) > 2 * float(inside.std.mean())
    near = torch.linspace(2.0, 4.0, 200)
    belief = learned.prior(seen(near))
    with_doubt, without = covered(belief, belief.std, near), covered(belief, belief.noise, near)
    assert with_doubt > 2 * without and without < 0.3, "the noise alone does not say what is unknown"


def test_before_any_data_every_place_is_as_the_prior() -> None:
    torch.manual_seed(0)
    process = SparseProcess(3, 2, 8)
    said = process(10 * torch.randn(50, 3))
    assert float(said.mean.detach().abs().max()) == 0
    torch.testing.assert_close(said.doubt, process.log_scale.exp().expand(50, 2), rtol=1e-2, atol=0)
    assert float(process.divergence().detach()) == 0


def test_with_a_point_at_each_place_it_is_the_exact_process() -> None:
    torch.manual_seed(0)
    process, place, value = SparseProcess(1, 1, 6).double(), torch.linspace(-2, 2, 6).double()[:, None], torch.randn(6)
    with torch.no_grad():
        process.points.copy_(place)
        kernel = torch.exp(-0.5 * (place - place.T).square()) + 1e-4 * torch.eye(6)
        factor = torch.linalg.cholesky(kernel)
        process.mean_stored.copy_(torch.linalg.solve(factor, value.double()[:, None]) / process.log_scale.exp() / PACE)
        process.spread_stored.fill_(-20.0 / PACE)
        at = torch.tensor([[0.3], [5.0]]).double()
        across = torch.exp(-0.5 * (at - place.T).square())
        expected = across @ torch.linalg.solve(kernel, value.double()[:, None])
        left = 1 - (across @ torch.linalg.solve(kernel, across.T)).diag()
        said = process(at)
    torch.testing.assert_close(said.mean, expected)
    torch.testing.assert_close(said.doubt[:, 0] / process.log_scale.exp().detach(), left.sqrt(), rtol=1e-4, atol=1e-4)


def test_of_two_futures_that_promise_the_same_the_unknown_one_earns_more_and_only_by_curiosity(
    learned: ProcessRSSM,
) -> None:
    torch.manual_seed(0)
    model = WorldModel(SIZES)
    model.rssm = learned
    for weight in model.reward_head.parameters():
        torch.nn.init.zeros_(weight)
    place = torch.stack([torch.linspace(-0.8, 0.8, 5), torch.linspace(5.0, 6.0, 5)])
    imagined = Imagined(State(seen(place), torch.zeros(2, 5, 1)), torch.zeros(2, 4), torch.zeros(2, 4, 1))

    def lead(weight: float) -> float:
        known, unknown = Curious(RewardHead(), weight).reward(model, imagined, slice(0, 2)).mean(1).tolist()
        return float(unknown - known)

    assert lead(1.0) > 0.5
    assert lead(0.0) == 0.0


def test_what_is_imagined_gets_less_sure_step_by_step_and_the_mean_alone_hides_it(learned: ProcessRSSM) -> None:
    start = State(seen(torch.full((500,), 0.5)), torch.full((500, 1), 0.5))
    noise = torch.randn(500, 4, 1, generator=torch.Generator().manual_seed(0))
    drawn = learned.imagine(start, 4, torch.zeros(500, 4, 1), noise).stoch.std(0).squeeze(-1)
    assert float(drawn[0]) == pytest.approx(NOISE, rel=0.3) and float(drawn[3]) > 1.3 * float(drawn[0])
    assert float(learned.imagine(start, 4, torch.zeros(500, 4, 1)).stoch.std(0).max()) == 0


def test_a_state_holds_two_frames_and_none_of_them_before_the_episode() -> None:
    rssm, action = ProcessRSSM(SIZES).requires_grad_(False), torch.tensor([[0.5]])
    state, deters = rssm.initial(1), []
    for value in (3.0, 5.0, 6.0):
        deters.append(rssm.advance(state, action))
        state = State(deters[-1], torch.tensor([[value]]))
    deters.append(rssm.advance(state, action))
    assert [[round(float(number), 3) for number in deter[0]] for deter in deters] == [
        [0.0, 0.0, 0.5, 0.333],
        [3.0, 0.0, 0.5, 0.667],  # one frame says nothing about a step
        [5.0, 2.0, 0.5, 1.0],
        [6.0, 1.0, 0.5, 1.0],
    ]
    first = rssm.prior(deters[0])
    assert float(first.mean) == 0 and float(first.noise) == 1 and float(first.gain) == 0
    again = rssm.restarted(state, torch.zeros(1, 1))
    torch.testing.assert_close(rssm.advance(again, action), deters[0])


def settings(**changes: object) -> FinetuneSettings:
    sizes = {"latents": 4, "stoch": 8, "hidden": 16, "units": 16, "batch": 2, "length": 6, "horizon": 3}
    built = build_settings("finetune", "tiny", {**sizes, "method": "gp-dreams", "inducing_points": 8, **changes})
    assert isinstance(built, FinetuneSettings)
    return built


def test_an_update_teaches_the_process_and_a_resumed_run_goes_on_as_an_undisturbed_one() -> None:
    whole, cut, again = (Finetuning(settings(), build_parts(settings(), None, 1, 0), 0, "cpu") for _ in range(3))
    before = {key: value.clone() for key, value in whole.agent.state_dict().items() if "process" in key}
    for update in range(2):
        metrics = whole.learn(a_batch(), update)
    assert {"inducing", "trace"} <= metrics.keys() and whole.lesson_weights(3)["inducing_weight"] == 1 / 12
    assert whole.lesson_weights(400)["inducing_weight"] == 1 / 400
    assert all(not torch.equal(value, whole.agent.state_dict()[key]) for key, value in before.items())
    cut.learn(a_batch(), 0)
    again.load_state_dict(cut.state_dict())
    for update in range(1, 2):
        again.learn(a_batch(), update)
    for key, value in whole.agent.state_dict().items():
        torch.testing.assert_close(again.agent.state_dict()[key], value, rtol=0, atol=0, msg=key)


def test_the_method_is_made_of_a_process_and_refuses_what_is_not_its_own() -> None:
    parts = build_parts(settings(curiosity=0.5), None, 1, 0)
    assert isinstance(parts.world_model.rssm, ProcessRSSM) and len(parts.world_model.rssm.process.points) == 8
    assert parts.behaviour.judge == Curious(RewardHead(), 0.5) and set(parts.lessons) == {"trace", "inducing"}
    with pytest.raises(SettingsError, match="curiosity is a setting of gp-dreams only"):
        build_settings("finetune", "tiny", {"method": "diswm", "curiosity": 0.5})
    with pytest.raises(SettingsError, match="inducing_points"):
        settings(inducing_points=1)
    with pytest.raises(ValueError, match="deter 5 is not what a process of these sizes sees"):
        WorldModel(replace(SIZES, deter=5))
