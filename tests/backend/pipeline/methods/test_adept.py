"""adept: draws keep to both outcomes, weights make a wrong model right for the policy, and say how much is left."""

import pytest
import torch
from torch import Tensor

from backend.pipeline.builder import build_settings
from backend.pipeline.methods.adept import Refitted, Refitting
from backend.pipeline.methods.build import build_parts
from backend.pipeline.methods.sections.adept import RefittedSection
from backend.pipeline.offline import OfflineLearning
from backend.pipeline.settings import OfflineSettings, SettingsError
from models.actor_critic import Imagined
from models.denoiser import Denoised, Denoiser, DiffusedDream
from models.importance import effective_share, importance_weights
from models.layers import mlp
from models.rssm import Observed
from models.types import Gaussian, State
from tests.support.imitating import an_expert, toy_parts
from tests.support.making import a_batch


def test_a_linear_model_is_right_where_the_policy_goes_and_only_if_weights_are_cut_above_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    action = torch.randn(20_000, generator=generator)
    target, behaviour = torch.distributions.Normal(1.0, 0.3), torch.distributions.Normal(0.0, 1.0)
    chances = target.log_prob(action), behaviour.log_prob(action)

    def slope(weights: Tensor) -> float:
        """Of the weighted least squares fit of action^2: 2 at action 1, the policy's; 0 under the recordings."""
        middle = (weights * action).sum() / weights.sum()
        moved = weights * (action - middle)
        return float((moved * action.square()).sum() / (moved * action).sum())

    assert slope(importance_weights(*chances, 1.0, 5.0)) == pytest.approx(2.0, abs=0.15)
    assert slope(importance_weights(*chances, 0.0, 5.0)) == pytest.approx(0.0, abs=0.1)
    assert slope(importance_weights(*chances, 1.0, 5.0).clamp(min=0.2)) < 1.0, "a lower end brings back the recordings"


def test_the_effective_share_is_one_for_equal_policies_and_small_for_unlike_ones() -> None:
    action = torch.randn(5_000, generator=torch.Generator().manual_seed(0))
    behaviour = torch.distributions.Normal(0.0, 1.0)

    def share(mean: float, std: float) -> float:
        target = torch.distributions.Normal(mean, std).log_prob(action)
        return float(effective_share(importance_weights(target, behaviour.log_prob(action), 1.0, 1e6)))

    assert share(0.0, 1.0) == pytest.approx(1.0)
    assert share(0.0, 0.5) == pytest.approx(0.66, abs=0.03)  # 1 / E[w^2] = std * sqrt(2 - std^2)
    assert share(3.0, 0.5) < 0.05
    assert float(effective_share(torch.tensor([1.0, 0.0, 0.0, 0.0]))) == 0.25


def outcomes(count: int, generator: torch.Generator) -> Tensor:
    """Two outcomes, 1 and -1, as likely, with little noise: (N, 1)."""
    sign = torch.randint(2, (count, 1), generator=generator) * 2 - 1
    return sign + 0.1 * torch.randn(count, 1, generator=generator)


def test_before_it_learns_it_draws_from_the_gaussian_and_then_from_both_outcomes_without_the_gap() -> None:
    torch.manual_seed(0)
    denoiser, generator = Denoiser(1, 1, 64, 10), torch.Generator().manual_seed(0)
    noise, deter = torch.randn(2_000, 1, generator=generator), torch.zeros(2_000, 1)
    gaussian = Denoised(Gaussian(torch.full((2_000, 1), 0.5), torch.full((2_000, 1), 2.0)), denoiser, deter)
    torch.testing.assert_close(gaussian.sample(noise).detach(), 0.5 + 2 * noise)
    optimiser = torch.optim.Adam(denoiser.parameters(), 5e-3)
    for _ in range(300):
        optimiser.zero_grad()
        denoiser.loss(outcomes(256, generator), torch.zeros(256, 1), generator).mean().backward()
        optimiser.step()
    drawn = denoiser.denoised(deter, noise).detach()
    in_gap = float((drawn.abs() < 0.5).float().mean())
    assert in_gap < 0.15 and float((noise.abs() < 0.5).float().mean()) > 0.35, "a Gaussian lies between them"
    assert float((drawn > 0).float().mean()) == pytest.approx(0.5, abs=0.15)


def refitted(importance: float) -> tuple[float, float]:
    """Error of a weak denoiser after refits, where the policy acts, and the effective share of the weights.

    z is noise around 3 a, alike in all states, and the policy does 0.5 where the recordings do anything.
    """
    torch.manual_seed(0)
    parts, generator = toy_parts(), torch.Generator().manual_seed(0)
    policy = parts.actor_critic.actor[-1]
    assert isinstance(policy, torch.nn.Linear)
    torch.nn.init.zeros_(policy.weight)
    with torch.no_grad():
        policy.bias.copy_(torch.tensor([0.549, -6.0]))  # tanh 0.549 = 0.5, and a std of about 0.2
    own = RefittedSection(importance=importance, spread_fine=0.0, importance_most=50.0)
    learner = Refitting(Denoiser(8, 32, 8, 4), mlp(40, 32, 2, 2))
    judge = Refitted(learner, parts.actor_critic, own)
    observed, batch = an_expert(parts)
    action = 2 * torch.rand(batch.action.shape, generator=generator) - 1
    blind = State(torch.zeros_like(observed.states.deter), observed.states.stoch)  # so that one answer must do for all
    reached = 3 * action.expand(-1, -1, 8)
    seen = Observed(
        blind,
        Gaussian(torch.zeros_like(reached), torch.ones_like(reached)),
        Gaussian(reached, 0.1 * torch.ones_like(reached)),
    )
    judge.begin(seen, batch._replace(action=action))
    optimiser = torch.optim.Adam(learner.parameters(), 1e-2)
    for _ in range(100):
        optimiser.zero_grad()
        judge.loss(None, generator).backward()  # type: ignore[arg-type, no-untyped-call] # what was imagined is not used
        optimiser.step()
    drawn = learner.denoiser.denoised(torch.zeros(500, 32), torch.randn(500, 8, generator=generator))
    return abs(float(drawn.detach().mean()) - 1.5), learner.notes()["effective_share"]


def test_refits_move_the_model_to_what_the_policy_does_and_not_without_weights() -> None:
    (weighted, left), (unweighted, everything) = refitted(1.0), refitted(0.0)
    assert weighted < 0.6 and unweighted > 1.0, (weighted, unweighted)
    assert left < 0.6 and everything == pytest.approx(1.0)


def settings(**changes: object) -> OfflineSettings:
    sizes = {"latents": 4, "stoch": 8, "deter": 16, "hidden": 16, "units": 16, "batch": 2, "length": 6, "horizon": 3}
    few = {"denoising_steps": 3, "denoiser_units": 16}
    built = build_settings("offline", "tiny", {**sizes, **few, "method": "adept", "behaviour_after": 1, **changes})
    assert isinstance(built, OfflineSettings)
    return built


def a_run() -> OfflineLearning:
    return OfflineLearning(settings(), build_parts(settings(), None, 1, 0), 0, "cpu")


def test_a_saved_run_goes_on_as_an_undisturbed_one_and_its_policy_learns_while_the_world_model_is_frozen() -> None:
    whole, cut = a_run(), a_run()
    assert "denoiser" in whole.learn(a_batch(), 0) and not whole.parts.notes()
    frozen = {key: value.clone() for key, value in whole.agent.world_model.state_dict().items()}
    fitted = {key: value.clone() for key, value in whole.companions.state_dict().items()}
    for update in range(1, 3):
        assert "rival" in whole.learn(a_batch(), update)
    assert 0 < whole.parts.notes()["effective_share"] <= 1
    assert all(torch.equal(value, whole.agent.world_model.state_dict()[key]) for key, value in frozen.items())
    assert all(not torch.equal(value, whole.companions.state_dict()[key]) for key, value in fitted.items())
    cut.learn(a_batch(), 0)
    again = a_run()
    again.load_state_dict(cut.state_dict())
    for update in range(1, 3):
        again.learn(a_batch(), update)
    for first, second in ((whole.agent, again.agent), (whole.companions, again.companions)):
        for key, value in first.state_dict().items():
            torch.testing.assert_close(second.state_dict()[key], value, rtol=0, atol=0, msg=key)


def test_a_step_whose_draws_spread_more_than_usual_earns_less_and_only_by_the_fine() -> None:
    parts = toy_parts()
    (observed, batch), learner = an_expert(parts), Refitting(Denoiser(8, 32, 8, 4), mlp(40, 32, 2, 2))
    states = observed.states
    belief = parts.world_model.rssm.prior(states.deter)
    usual = observed._replace(prior=Gaussian(belief.mean, belief.std / 3))
    imagined = Imagined(states, torch.zeros(batch.reward.shape), batch.action)

    def earned(fine: float, seen: Observed) -> float:
        judge = Refitted(learner, parts.actor_critic, RefittedSection(spread_fine=fine))
        judge.begin(seen, batch)
        return float(judge.reward(parts.world_model, imagined, slice(None)).detach().mean())

    alike = observed._replace(prior=Gaussian(belief.mean, belief.std))
    assert earned(0.0, usual) - earned(1.0, usual) == pytest.approx(2.0, abs=0.2), "three times the usual spread"
    assert earned(0.0, alike) - earned(1.0, alike) < 0.1


def test_the_method_is_made_of_refits_and_refuses_what_is_not_its_own() -> None:
    parts = build_parts(settings(), None, 1, 0)
    assert isinstance(parts.behaviour.judge, Refitted) and parts.behaviour.judge is parts.behaviour.rival
    assert isinstance(parts.behaviour.dream, DiffusedDream)
    with pytest.raises(SettingsError, match="importance_most is a setting of adept only"):
        build_settings("offline", "tiny", {"method": "ditto", "importance_most": 2.0})
    with pytest.raises(SettingsError, match="importance_most"):
        settings(importance_most=0.5)
