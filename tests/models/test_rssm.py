"""Observing and imagining: order of time, restarts, means and samples."""

import torch

from models.config import VideoModelConfig
from models.rssm import RSSM
from models.types import State

SMALL = VideoModelConfig(latents=4, stoch=6, deter=8, hidden=8, action_size=2)


def a_model() -> RSSM:
    torch.manual_seed(0)
    return RSSM(SMALL)


def test_observe_equals_a_loop_written_by_hand() -> None:
    model, latent, action = a_model(), torch.randn(3, 5, 4), torch.randn(3, 5, 2)
    observed = model.observe(latent, action)
    state = model.initial(3)
    for t in range(5):
        deter = model.advance(state, action[:, t])
        posterior = model.posterior(deter, latent[:, t])
        state = State(deter, posterior.mean)
        torch.testing.assert_close(observed.states.at(t), state)
        torch.testing.assert_close(observed.prior.mean[:, t], model.prior(deter).mean)


def test_the_future_does_not_change_the_past() -> None:
    model, latent, action = a_model(), torch.randn(2, 6, 4), torch.randn(2, 6, 2)
    changed = latent.clone()
    changed[:, 4:] += 1
    before, after = model.observe(latent, action).states, model.observe(changed, action).states
    torch.testing.assert_close(before.feature[:, :4], after.feature[:, :4])
    assert not torch.allclose(before.feature[:, 4:], after.feature[:, 4:])


def test_a_first_frame_forgets_what_came_before() -> None:
    model, latent, action = a_model(), torch.randn(1, 6, 4), torch.randn(1, 6, 2)
    action[:, 3] = 0
    is_first = torch.zeros(1, 6, dtype=torch.bool)
    is_first[:, 3] = True
    joined = model.observe(latent, action, is_first).states
    alone = model.observe(latent[:, 3:], action[:, 3:]).states
    torch.testing.assert_close(joined.feature[:, 3:], alone.feature)


def test_imagine_without_noise_propagates_means_and_with_noise_samples() -> None:
    model = a_model()
    start = State(torch.randn(2, 8), torch.randn(2, 6))
    action, noise = torch.randn(2, 3, 2), torch.randn(2, 3, 6)
    means, samples = model.imagine(start, 3, action), model.imagine(start, 3, action, noise)
    deter = model.advance(start, action[:, 0])
    torch.testing.assert_close(means.stoch[:, 0], model.prior(deter).mean)
    torch.testing.assert_close(samples.stoch[:, 0], model.prior(deter).sample(noise[:, 0]))
    torch.testing.assert_close(model.imagine(start, 3, action, noise).feature, samples.feature)


def test_standard_deviations_stay_between_a_tenth_and_two_and_a_tenth() -> None:
    model = a_model()
    std = model.prior(torch.randn(100, 8) * 100).std
    assert std.min() >= 0.1 and std.max() <= 2.1
