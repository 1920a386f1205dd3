"""Every loss against a known value, an invariant or a gradient."""

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from models.losses import (
    coarse_image_loss,
    discount_loss,
    distillation,
    distillation_as_released,
    dynamics_kl,
    image_loss,
    kl,
    latent_kl,
    latent_kl_per_dimension,
    reward_loss,
    total,
)
from models.types import Gaussian

SHAPE = (3, 4, 5)  # B, T, K


def a_gaussian(seed: int) -> Gaussian:
    generator = torch.Generator().manual_seed(seed)
    return Gaussian(torch.randn(SHAPE, generator=generator), torch.rand(SHAPE, generator=generator) + 0.3)


def as_torch(gaussian: Gaussian) -> Independent:
    return Independent(Normal(gaussian.mean, gaussian.std), 1)


def test_kl_equals_that_of_torch() -> None:
    left, right = a_gaussian(0), a_gaussian(1)
    torch.testing.assert_close(kl(left, right), kl_divergence(as_torch(left), as_torch(right)))


def test_latent_kl_equals_that_of_torch_and_sums_over_dimensions() -> None:
    latent = a_gaussian(0)
    standard = Gaussian(torch.zeros(SHAPE), torch.ones(SHAPE))
    expected = kl_divergence(as_torch(latent), as_torch(standard))
    torch.testing.assert_close(latent_kl(latent), expected)
    torch.testing.assert_close(latent_kl_per_dimension(latent).sum(-1), expected)


def test_image_and_reward_losses_are_normal_log_probabilities_up_to_a_constant() -> None:
    image, decoded = torch.rand(2, 3, 3, 64, 64), torch.rand(2, 3, 3, 64, 64)
    log_prob = Normal(decoded, 1.0).log_prob(image).flatten(2).sum(-1)
    difference = image_loss(decoded, image) + log_prob
    torch.testing.assert_close(difference, torch.full_like(difference, -0.9189385 * 3 * 64 * 64), rtol=1e-4, atol=0)
    torch.testing.assert_close(reward_loss(torch.tensor([[3.0]]), torch.tensor([[1.0]])), torch.tensor([[2.0]]))


def test_discount_loss_is_a_bernoulli_log_probability() -> None:
    logit, discount = torch.tensor([[0.3, -1.0]]), torch.tensor([[1.0, 0.0]])
    expected = -torch.distributions.Bernoulli(logits=logit).log_prob(discount)
    torch.testing.assert_close(discount_loss(logit, discount), expected)


def test_dynamics_kl_weighs_the_two_sides_and_keeps_their_gradients_apart() -> None:
    posterior, prior = a_gaussian(0), a_gaussian(1)
    expected = kl_divergence(as_torch(posterior), as_torch(prior)).mean()
    posterior.mean.requires_grad_(), prior.mean.requires_grad_()
    value = dynamics_kl(posterior, prior, balance=0.8, free_nats=0.0)
    torch.testing.assert_close(value.detach(), expected.expand(SHAPE[:2]))
    value.mean().backward()
    detached_posterior, detached_prior = a_gaussian(0), a_gaussian(1)
    detached_posterior.mean.requires_grad_(), detached_prior.mean.requires_grad_()
    kl(detached_posterior, detached_prior).mean().backward()
    torch.testing.assert_close(prior.mean.grad, 0.8 * detached_prior.mean.grad)
    torch.testing.assert_close(posterior.mean.grad, 0.2 * detached_posterior.mean.grad)


def test_free_nats_stop_the_gradient_below_the_floor() -> None:
    posterior = Gaussian(torch.full(SHAPE, 0.01, requires_grad=True), torch.ones(SHAPE))
    prior = Gaussian(torch.zeros(SHAPE), torch.ones(SHAPE))
    value = dynamics_kl(posterior, prior, balance=0.8, free_nats=1.0)
    assert value.mean().item() == pytest.approx(1.0)
    value.mean().backward()
    assert posterior.mean.grad is not None and not posterior.mean.grad.any()


def test_distillation_is_the_kl_from_the_teacher_and_never_moves_it() -> None:
    teacher, student = a_gaussian(0), a_gaussian(1)
    teacher.mean.requires_grad_(), student.mean.requires_grad_()
    value = distillation(teacher, student)
    torch.testing.assert_close(value.detach(), kl_divergence(as_torch(teacher), as_torch(student)).detach())
    value.mean().backward()
    assert teacher.mean.grad is None
    assert student.mean.grad is not None and student.mean.grad.abs().sum() > 0


def test_released_distillation_sums_over_time() -> None:
    teacher, student = torch.randn(SHAPE), torch.randn(SHAPE)
    per_frame = torch.nn.functional.kl_div(
        student.log_softmax(-1), teacher.log_softmax(-1), log_target=True, reduction="none"
    ).sum(-1)
    torch.testing.assert_close(distillation_as_released(teacher, student).mean(), per_frame.sum(1).mean())


def test_total_refuses_a_loss_without_a_weight() -> None:
    losses = {"image": torch.ones(2, 3), "latent": torch.full((2, 3), 4.0)}
    assert total(losses, {"image": 1.0, "latent": 0.5}).item() == pytest.approx(3.0)
    with pytest.raises(AssertionError, match="latent"):
        total(losses, {"image": 1.0})


def test_a_thin_body_near_its_place_has_no_coarse_error_and_one_far_from_it_has() -> None:
    def with_body_at(column: int) -> torch.Tensor:
        image = torch.zeros(1, 1, 3, 64, 64)
        image[..., 20:24, column] = 0.5
        return image

    truth = with_body_at(8)
    fine = [float(image_loss(with_body_at(column), truth)) for column in (10, 20)]
    coarse = [float(coarse_image_loss(with_body_at(column), truth)) for column in (8, 10, 20)]
    assert fine[0] == fine[1], "in full size the distance makes no difference"
    assert coarse[:2] == [0, 0], "within the same tile"
    assert coarse[2] > 0
    assert float(image_loss(with_body_at(20), truth, coarse=2.0)) == pytest.approx(fine[1] + 2 * coarse[2])


def test_coarse_error_of_an_even_difference_is_that_of_full_size_once_for_each_size() -> None:
    decoded, truth = torch.full((1, 1, 3, 64, 64), 0.1), torch.zeros(1, 1, 3, 64, 64)
    torch.testing.assert_close(coarse_image_loss(decoded, truth), 2 * image_loss(decoded, truth))
