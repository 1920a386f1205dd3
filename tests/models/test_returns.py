"""The lambda-return on known cases."""

import pytest
import torch

from models.returns import ReturnScale, lambda_return


def test_known_case_by_hand() -> None:
    reward, value = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[10.0, 20.0, 30.0]])
    discount = torch.full((1, 3), 0.5)
    last = 3 + 0.5 * 30
    middle = 2 + 0.5 * (0.1 * 20 + 0.9 * last)
    first = 1 + 0.5 * (0.1 * 10 + 0.9 * middle)
    expected = torch.tensor([[first, middle, last]])
    torch.testing.assert_close(lambda_return(reward, value, discount, 0.9), expected)


def test_lambda_zero_is_one_step_and_lambda_one_is_the_discounted_sum() -> None:
    reward, value, discount = torch.randn(4, 6), torch.randn(4, 6), torch.full((4, 6), 0.9)
    torch.testing.assert_close(lambda_return(reward, value, discount, 0.0), reward + 0.9 * value)
    powers = 0.9 ** torch.arange(6)
    expected = (reward * powers).sum(1) + 0.9**6 * value[:, -1]
    torch.testing.assert_close(lambda_return(reward, value, discount, 1.0)[:, 0], expected)


def test_nothing_flows_back_past_an_end() -> None:
    reward, value, discount = torch.ones(1, 4), torch.full((1, 4), 100.0), torch.ones(1, 4)
    discount[0, 1] = 0
    torch.testing.assert_close(lambda_return(reward, value, discount, 0.95)[0, 1], torch.tensor(1.0))


def test_small_returns_are_not_blown_up_and_large_ones_are_divided_by_their_range():
    small, large = ReturnScale(), ReturnScale()
    assert small(torch.linspace(0, 0.1, 101)[None]) == 1
    scales = [float(large(torch.linspace(0, 100, 101)[None])) for _ in range(3)]
    assert scales == pytest.approx([90, 90, 90]), "the 5th to the 95th percentile, from the first batch on"


def test_the_range_is_a_moving_average():
    scale = ReturnScale(decay=0.5)
    scale(torch.linspace(0, 100, 101)[None])
    assert float(scale(torch.linspace(0, 200, 101)[None])) == pytest.approx((0.5 * 0.5 * 90 + 0.5 * 180) / 0.75)
