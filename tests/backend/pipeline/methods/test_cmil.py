"""CMIL: the ensemble disagrees where nothing was seen, the fine keeps imagination away, the discriminator teaches."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from backend.data.resume import Randomness
from backend.pipeline.builder import build_settings
from backend.pipeline.imagination import BehaviourLearner
from backend.pipeline.methods.behaviour import Behaviour
from backend.pipeline.methods.build import build_parts
from backend.pipeline.methods.cloning import Cloning
from backend.pipeline.methods.cmil import Conservative
from backend.pipeline.offline import OfflineLearning
from backend.pipeline.settings import OfflineSettings, SettingsError
from models.actor_critic import Imagined
from models.config import WorldModelConfig
from models.discriminator import Discriminator
from models.ensemble import EnsembleRSSM, Members
from models.types import State
from models.world_model import WorldModel
from tests.support.imitating import an_expert, toy_parts, toy_settings
from tests.support.making import a_batch

SIZES = WorldModelConfig(latents=4, stoch=1, deter=2, hidden=32, action_size=1, members=5, head_units=8)


def heights(place: Tensor) -> Tensor:
    """The `deter` (..., 2) of places: the place, and 1."""
    return torch.stack([place, torch.ones_like(place)], -1)


@pytest.fixture(scope="module")
def learned() -> WorldModel:
    """A world model whose priors learned sin(3 a) of places a in [-1, 1], a drawn member for each."""
    torch.manual_seed(0)
    model, generator = WorldModel(SIZES), torch.Generator().manual_seed(0)
    assert isinstance(model.rssm, EnsembleRSSM)
    optimiser = torch.optim.Adam(model.rssm.priors.parameters(), 3e-3)
    for _ in range(400):
        place = 2 * torch.rand(128, generator=generator) - 1
        member = model.rssm.prior(heights(place)).member(torch.randn(128, 1, generator=generator))
        optimiser.zero_grad()
        (member.mean.squeeze(-1) - torch.sin(3 * place)).square().mean().backward()
        optimiser.step()
    return model.requires_grad_(False)


def disagreement(model: WorldModel, place: Tensor) -> float:
    assert isinstance(model.rssm, EnsembleRSSM)
    return float(model.rssm.prior(heights(place)).disagreement.mean())


def test_members_disagree_outside_of_what_they_saw(learned: WorldModel) -> None:
    inside, outside = disagreement(learned, torch.linspace(-0.9, 0.9, 50)), disagreement(learned, torch.tensor([3.0]))
    assert outside > 5 * inside


def test_of_two_futures_that_look_expert_the_known_one_wins_and_only_by_the_fine(learned: WorldModel) -> None:
    place = torch.stack([torch.linspace(-0.8, 0.8, 5), torch.linspace(2.2, 3.8, 5)])
    imagined = Imagined(State(heights(place), torch.zeros(2, 5, 1)), torch.zeros(2, 4), torch.zeros(2, 4, 1))
    discriminator = Discriminator(3, 1, 8)
    for weight in discriminator.parameters():
        torch.nn.init.zeros_(weight)

    def lead(fine: float) -> float:
        judge = Conservative(discriminator, fine, 0.0, 1e-3)
        known, unknown = judge.reward(learned, imagined, slice(0, 2)).mean(1).tolist()
        return float(known - unknown)

    assert lead(10.0) > 0.5
    assert lead(0.0) == 0.0


def a_judge() -> Conservative:
    """Its discriminator says the same of every step until it learns."""
    torch.manual_seed(0)
    discriminator = Discriminator(40, 1, 64)
    torch.nn.init.zeros_(discriminator.net[-1].weight)
    return Conservative(discriminator, 0.0, 0.3, 3e-3)


def acted(does: float, *, rival: bool) -> float:
    """What the policy does on average after learning from an expert that always does the same, for each step alone."""
    judge, parts = a_judge(), toy_parts()
    parts = replace(parts, behaviour=Behaviour(judge, rival=judge if rival else None))
    alone = toy_settings().model_copy(update={"gamma": 0.0})  # so that no critic's error moves the policy
    learner = BehaviourLearner(alone, parts, Randomness(0, "cpu"), "cpu")
    observed, batch = an_expert(parts, does=does)
    for _ in range(60):
        learner.learn(observed, batch)
    return float(parts.actor_critic.policy(observed.states.feature).mode.detach().mean())


def test_the_discriminator_brings_the_policy_to_what_the_expert_does_and_not_unless_it_learns() -> None:
    taught, untaught = ([acted(does, rival=rival) for does in (-0.5, 0.5)] for rival in (True, False))
    assert taught[0] < -0.25 and taught[1] > 0.25, (taught, untaught)  # it may go too far at first
    assert untaught == pytest.approx([0.0, 0.0], abs=0.2), (taught, untaught)


def test_no_gradient_of_the_discriminators_loss_reaches_what_imagined() -> None:
    judge, (observed, batch) = a_judge(), an_expert(toy_parts())
    start = judge.begin(observed, batch)
    feature = start.feature.detach().requires_grad_()
    states = State(feature[:, None, 8:].expand(-1, 3, -1), feature[:, None, :8].expand(-1, 3, -1))
    action = torch.zeros(len(feature), 2, 1, requires_grad=True)
    judge.loss(Imagined(states, torch.zeros(len(feature), 2), action), torch.Generator()).backward()  # type: ignore[no-untyped-call] # torch stub
    assert feature.grad is None and action.grad is None
    assert all(weight.grad is not None for weight in judge.network.parameters())


def test_each_member_is_drawn_as_often_and_the_mixture_is_as_wide_as_its_samples() -> None:
    means = torch.tensor([[-3.0], [0.0], [3.0]]).expand(30_000, 3, 1)
    members, noise = Members(means, torch.full_like(means, 0.1)), torch.randn(30_000, 1)
    drawn = members.sample(noise)
    share = [float(((drawn - mean).abs() < 1).float().mean()) for mean in (-3.0, 0.0, 3.0)]
    assert share == pytest.approx([1 / 3] * 3, abs=0.02)
    assert float(drawn.std()) == pytest.approx(float(members.std[0]), rel=0.02)
    inside = members.member(noise).mean.squeeze(-1)
    assert abs(float(torch.corrcoef(torch.stack([inside, noise.squeeze(-1)]))[0, 1])) < 0.03


def settings(**changes: object) -> OfflineSettings:
    sizes = {"latents": 4, "stoch": 8, "deter": 16, "hidden": 16, "units": 16, "batch": 2, "length": 6, "horizon": 3}
    built = build_settings("offline", "tiny", {**sizes, "method": "cmil", "members": 3, **changes})
    assert isinstance(built, OfflineSettings)
    return built


def a_run() -> OfflineLearning:
    return OfflineLearning(settings(behaviour_after=1), build_parts(settings(), None, 1, 0), 0, "cpu")


def test_a_saved_run_goes_on_as_an_undisturbed_one_its_discriminator_too() -> None:
    whole, cut = a_run(), a_run()
    metrics = [whole.learn(a_batch(), update) for update in range(5)]
    assert "rival" in metrics[-1] and "rival" not in metrics[0]
    for update in range(3):
        cut.learn(a_batch(), update)
    again = a_run()
    again.load_state_dict(cut.state_dict())
    for update in range(3, 5):
        again.learn(a_batch(), update)
    for first, second in ((whole.agent, again.agent), (whole.companions, again.companions)):
        for key, value in first.state_dict().items():
            torch.testing.assert_close(second.state_dict()[key], value, rtol=0, atol=0, msg=key)


def test_the_method_is_made_of_ensemble_discriminator_and_cloning() -> None:
    parts = build_parts(settings(cloning_weight=3.0), None, 1, 0)
    assert isinstance(parts.world_model.rssm, EnsembleRSSM) and len(parts.world_model.rssm.priors) == 3
    assert parts.behaviour.judge is parts.behaviour.rival and isinstance(parts.behaviour.tutors[0], Cloning)
    assert set(parts.companions) == {"discriminator"}
    with pytest.raises(SettingsError, match="disagreement_fine is a setting of cmil only"):
        build_settings("offline", "tiny", {"method": "ditto", "disagreement_fine": 1.0})
