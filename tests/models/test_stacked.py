"""Two recurrent models in one state: the lower one does not depend on actions, and the heads see both."""

import torch

from models.actor_critic import ActorCritic
from models.config import ActorCriticConfig, VideoModelConfig, WorldModelConfig
from models.fast_rssm import FastRSSM
from models.rssm import StackedRSSM
from models.types import State
from models.video_model import VideoModel
from models.world_model import WorldModel

SIZES = WorldModelConfig(
    latents=4, stoch=6, deter=8, hidden=8, action_size=2, kernels=(4, 4, 4, 4, 8), head_units=8,
    below_stoch=3, below_deter=5, below_hidden=7,
)  # fmt: skip


def a_model() -> StackedRSSM:
    torch.manual_seed(0)
    return StackedRSSM(SIZES)


def test_the_lower_model_follows_the_video_as_it_would_alone() -> None:
    model, latent, action = a_model(), torch.randn(2, 5, 4), torch.randn(2, 5, 2)
    noise = torch.randn(2, 5, SIZES.state_stoch)
    observed = model.observe(latent, action, noise=noise)
    below, above = model.apart(observed.states)
    alone = model.below.observe(latent)
    torch.testing.assert_close(below, alone.states)
    upper = model.above.observe(alone.states.feature, action, noise=noise[..., 3:])
    torch.testing.assert_close(above, upper.states)
    torch.testing.assert_close(observed.prior.mean, torch.cat([alone.prior.mean, upper.prior.mean], -1))


def test_actions_move_the_upper_model_only() -> None:
    model, state = a_model(), a_model().initial(3)
    one, other = (model.imagine(state, 4, torch.full((3, 4, 2), push)) for push in (-1.0, 1.0))
    (below, above), (same, moved) = model.apart(one), model.apart(other)
    torch.testing.assert_close(below, same)
    assert not torch.allclose(above.deter, moved.deter)


def test_heads_see_exactly_the_upper_models_feature() -> None:
    world_model = WorldModel(SIZES).eval()
    behaviour = ActorCritic(
        ActorCriticConfig(feature=SIZES.feature, action_size=2, units=8, skip=SIZES.heads.start)
    ).eval()
    assert isinstance(world_model.rssm, StackedRSSM)
    state = State(torch.randn(2, 8 + 5), torch.randn(2, 3 + 6))
    below, above = world_model.rssm.apart(state)
    torch.testing.assert_close(state.feature[..., SIZES.heads], above.feature)
    other = State(torch.cat([above.deter, below.deter + 1], -1), torch.cat([below.stoch - 1, above.stoch], -1))
    for head in (world_model.decode, world_model.reward, behaviour.value, lambda f: behaviour.policy(f).mean):
        torch.testing.assert_close(head(state.feature), head(other.feature), rtol=0, atol=0)
    moved = State(state.deter + 1, state.stoch)
    assert not torch.equal(world_model.reward(state.feature), world_model.reward(moved.feature))


def test_a_plain_model_has_one_recurrence_and_heads_that_see_everything() -> None:
    config = VideoModelConfig(latents=4, stoch=6, deter=8, hidden=8, kernels=(4, 4, 4, 4, 8))
    assert type(VideoModel(config).rssm) is FastRSSM
    feature = torch.randn(3, config.feature)
    assert torch.equal(feature[..., config.heads], feature)
