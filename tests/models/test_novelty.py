"""The nearest-neighbour bonus: distances by hand, a queue of limited size, values with mean one."""

import pytest
import torch

from models.novelty import NeighbourBonus


def a_bonus(**changes: int) -> NeighbourBonus:
    bonus = NeighbourBonus(feature=2, **({"size": 2, "queue": 6, "neighbours": 2, "length": 2} | changes))
    bonus.projection.copy_(torch.eye(2))
    return bonus


def still(*points: tuple[float, float]) -> torch.Tensor:
    """Sequences of two equal steps: each averages to its point. (B, 2, 2)"""
    return torch.tensor(points, dtype=torch.float32).unsqueeze(1).expand(-1, 2, -1)


def test_the_bonus_is_the_mean_distance_to_the_nearest_neighbours() -> None:
    bonus = a_bonus()
    assert not bonus(still((0, 0), (3, 0), (100, 0))).any()  # nothing to compare with yet
    value = bonus(still((0, 4)))  # 4 from (0, 0), 5 from (3, 0)
    assert value.tolist() == [[1.0, 1.0]]  # the first one is the average so far
    assert bonus.scale.item() == pytest.approx(4.5)
    second = bonus(still((1, 0)))  # 1 from (0, 0), 2 from (3, 0)
    assert second[0, 0].item() == pytest.approx(1.5 / (0.99 * 4.5 + 0.01 * 1.5))


def test_a_step_counts_the_sequence_that_begins_there_and_the_rest_the_last_one() -> None:
    bonus = a_bonus(length=3)
    bonus(torch.zeros(4, 3, 2))
    feature = torch.tensor([[[0.0, 0], [0, 0], [3, 0], [6, 0]]])  # averages 1, then 3
    value = bonus(feature)[0] * bonus.scale
    torch.testing.assert_close(value, torch.tensor([1.0, 3.0, 3.0, 3.0]))


def test_the_queue_forgets_the_oldest() -> None:
    bonus = a_bonus(queue=4)
    for x in range(7):
        bonus(still((float(x), 0)))
    assert sorted(bonus.queue[:, 0].tolist()) == [3, 4, 5, 6]
    bonus(still(*[(10.0 + x, 0) for x in range(9)]))  # more than it holds: the newest stay
    assert sorted(bonus.queue[:, 0].tolist()) == [15, 16, 17, 18]


def test_its_memory_travels_in_its_state_and_nothing_of_it_learns() -> None:
    bonus, copy = a_bonus(), a_bonus()
    bonus(torch.randn(3, 4, 2))
    copy.load_state_dict(bonus.state_dict())
    feature = torch.randn(2, 4, 2)
    torch.testing.assert_close(copy(feature), bonus(feature), rtol=0, atol=0)
    assert not list(bonus.parameters())
