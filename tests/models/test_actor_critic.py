"""Behaviour: the truncated normal, gradients in imagination, the slow critic."""

import pytest
import torch

from models.actor_critic import ActorCritic
from models.agent import Agent, Drawing
from models.config import ActorCriticConfig, WorldModelConfig
from models.distributions import TruncatedNormal
from models.types import State
from models.world_model import WorldModel

CONFIG = WorldModelConfig(
    latents=4, stoch=6, deter=8, hidden=8, action_size=2, kernels=(4, 4, 4, 4, 8), head_units=16, discount_layers=1
)


def a_pair() -> tuple[WorldModel, ActorCritic]:
    torch.manual_seed(0)
    return WorldModel(CONFIG), ActorCritic(ActorCriticConfig(CONFIG.feature, 2, units=16))


def test_truncated_normal_integrates_to_one_and_its_entropy_is_minus_the_mean_log_density() -> None:
    policy = TruncatedNormal(torch.tensor([0.4], dtype=torch.float64), torch.tensor([0.5], dtype=torch.float64))
    grid = torch.linspace(-1, 1, 20_001, dtype=torch.float64)[:, None]
    density = policy.log_prob(grid).exp()
    assert torch.trapezoid(density, grid[:, 0]).item() == pytest.approx(1.0, abs=1e-6)
    entropy = -torch.trapezoid(density * density.log(), grid[:, 0])
    assert policy.entropy().item() == pytest.approx(entropy.item(), abs=1e-6)


def test_truncated_normal_samples_follow_its_density() -> None:
    policy = TruncatedNormal(torch.tensor([0.8]), torch.tensor([0.6]))
    uniform = torch.linspace(0.0005, 0.9995, 1000)[:, None]
    sample = policy.sample(uniform)
    assert sample.min() >= -1 and sample.max() <= 1
    grid = torch.linspace(-1, 1, 10_001)[:, None]
    mean = torch.trapezoid(policy.log_prob(grid).exp() * grid[:, 0], grid[:, 0])
    assert sample.mean().item() == pytest.approx(mean.item(), abs=2e-3)


def test_the_actor_learns_through_the_dynamics_and_nothing_else_moves_with_it() -> None:
    world_model, behaviour = a_pair()
    start = State(torch.randn(5, 8), torch.randn(5, 6))
    imagined = behaviour.imagine(world_model, start, behaviour.chances(start, 4, torch.Generator().manual_seed(0)))
    losses = behaviour.losses(world_model, imagined, 0.99, 0.95, 1e-4)
    assert losses["actor"].shape == losses["critic"].shape == (5, 4)
    actor = torch.autograd.grad(losses["actor"].mean(), list(behaviour.actor.parameters()), retain_graph=True)
    assert all(gradient.abs().sum() > 0 for gradient in actor)
    critic = torch.autograd.grad(
        losses["critic"].mean(),
        [*behaviour.critic.parameters(), *behaviour.actor.parameters(), *world_model.parameters()],
        allow_unused=True,
    )
    own = len(list(behaviour.critic.parameters()))
    assert all(gradient is not None and gradient.abs().sum() > 0 for gradient in critic[:own])
    assert all(gradient is None for gradient in critic[own:])


def test_the_actor_climbs_towards_reward_that_it_can_reach() -> None:
    world_model, behaviour = a_pair()
    world_model.reward = lambda feature: feature[..., 0]  # type: ignore[method-assign] # a known reward
    world_model.requires_grad_(False)
    optimiser = torch.optim.Adam(behaviour.actor.parameters(), 1e-2)
    start = State(torch.zeros(64, 8), torch.zeros(64, 6))
    rewards = []
    for _ in range(40):
        imagined = behaviour.imagine(world_model, start, behaviour.chances(start, 4, torch.Generator().manual_seed(0)))
        loss = behaviour.losses(world_model, imagined, 0.99, 0.95, 0.0)["actor"].mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rewards.append(world_model.reward(imagined.states.feature).mean().item())
    assert rewards[-1] > rewards[0]


def test_the_slow_critic_moves_only_when_it_is_refreshed() -> None:
    _, behaviour = a_pair()
    with torch.no_grad():
        next(behaviour.critic.parameters()).add_(1)
    assert not torch.equal(behaviour.critic[0].weight, behaviour.slow_critic[0].weight)
    behaviour.refresh()
    torch.testing.assert_close(behaviour.critic[0].weight, behaviour.slow_critic[0].weight)


def test_the_agent_is_steady_by_mode_and_repeatable_by_seed() -> None:
    agent = Agent(*a_pair())
    image = torch.randint(0, 255, (1, 64, 64, 3), dtype=torch.uint8)
    modes = [agent.act(image, agent.begin(1))[0] for _ in range(2)]
    torch.testing.assert_close(modes[0], modes[1])
    drawn = [agent.act(image, agent.begin(1), torch.Generator().manual_seed(seed))[0] for seed in (1, 1, 2)]
    torch.testing.assert_close(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_drawn_actions_differ_from_step_to_step_and_are_the_same_again_by_the_same_seed() -> None:
    agent = Agent(*a_pair())
    image = torch.randint(0, 255, (1, 64, 64, 3), dtype=torch.uint8)
    first, again = Drawing(agent, 0), Drawing(agent, 0)
    one = [first.act(image, first.begin(1))[0] for _ in range(3)]
    assert not torch.equal(one[0], one[1]), "drawn anew at each step"
    for action in one:
        torch.testing.assert_close(again.act(image, again.begin(1))[0], action)
