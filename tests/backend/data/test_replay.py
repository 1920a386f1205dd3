"""Replay: sequences stay inside one episode, all positions are equally likely, and the oldest episodes are dropped."""

from collections.abc import Sequence

import numpy as np
import psutil
import pytest
import torch
from numpy.typing import NDArray

from backend.data.episodes import Episode, frames_only
from backend.data.replay import Replay, TooShort
from models.motion import moving_pixels


def an_episode(number: int, length: int) -> Episode:
    """Every frame encodes its episode and its step."""
    image = np.zeros((length, 64, 64, 3), np.uint8)
    image[..., 0], image[..., 1] = number, np.arange(length)[:, None, None]
    action = np.full((length, 2), number, np.float32)
    return frames_only(image)._replace(action=action, reward=np.arange(length, dtype=np.float32))


def test_a_sequence_is_consecutive_and_of_one_episode() -> None:
    replay = Replay(action_size=2)
    replay.extend([an_episode(0, 7), an_episode(1, 4), an_episode(2, 9)])
    batch = replay.sample(200, 4, np.random.default_rng(0))
    number, step = batch.image[:, :, 0, 0, 0].numpy(), batch.image[:, :, 0, 0, 1].numpy()
    assert (number == number[:, :1]).all()
    assert (np.diff(step, axis=1) == 1).all()
    np.testing.assert_array_equal(batch.action[..., 0].numpy(), number)
    np.testing.assert_array_equal(batch.reward.numpy(), step)
    assert batch.is_first[:, 0].all() and not batch.is_first[:, 1:].any()


def test_every_place_is_as_likely() -> None:
    replay = Replay(action_size=2)
    replay.extend([an_episode(0, 5), an_episode(1, 3)])
    batch = replay.sample(8000, 3, np.random.default_rng(0))
    first = batch.image[:, 0, 0, 0].numpy()
    counts = {place: int((first[:, :2] == place).all(1).sum()) for place in ((0, 0), (0, 1), (0, 2), (1, 0))}
    assert sum(counts.values()) == 8000
    assert all(abs(count - 2000) < 200 for count in counts.values())


def test_the_same_generator_gives_the_same_batch() -> None:
    replay = Replay(action_size=2)
    replay.extend([an_episode(number, 6) for number in range(4)])
    first, second = (replay.sample(5, 3, np.random.default_rng(9)) for _ in range(2))
    assert (first.image == second.image).all()


def test_the_ring_forgets_the_oldest_and_never_mixes() -> None:
    replay = Replay(action_size=2, capacity=25)
    for number in range(9):
        replay.add(an_episode(number, 6 + number % 3))
        assert len(replay) <= 25
    batch = replay.sample(300, 3, np.random.default_rng(0))
    number, step = batch.image[:, :, 0, 0, 0].numpy(), batch.image[:, :, 0, 0, 1].numpy()
    assert set(np.unique(number)) <= {5, 6, 7, 8} and 8 in number
    assert (number == number[:, :1]).all() and (np.diff(step, axis=1) == 1).all()


def test_what_can_never_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit a replay of 5"):
        Replay(action_size=2, capacity=5).add(an_episode(0, 6))
    replay = Replay(action_size=2)
    with pytest.raises(TooShort, match="the longest episode has 0"):
        replay.sample(1, 2, np.random.default_rng(0))


def test_room_that_is_not_filled_takes_no_memory() -> None:
    process, rises = psutil.Process(), []
    for _ in range(3):  # what else the process does at the time may take memory, too
        before = process.memory_info().rss
        replay = Replay(action_size=2)
        replay.add(an_episode(0, 10))
        rises.append(process.memory_info().rss - before)
    assert replay._image.numel() > 40_000_000 > 2 * min(rises)


def test_a_frozen_teacher_is_asked_once_an_episode_and_its_answer_stays_with_the_frames() -> None:
    asked: list[int] = []

    def targets(image: torch.Tensor) -> torch.Tensor:
        asked.append(len(image))
        return image[:, 0, 0, :2].float()

    replay = Replay(action_size=2, capacity=25, targets=targets)
    replay.extend([an_episode(number, 6 + number) for number in range(4)])
    batch = replay.sample(50, 3, np.random.default_rng(0))
    assert asked == [6, 7, 8, 9]
    assert batch.target.shape == (50, 3, 2)
    torch.testing.assert_close(batch.target, batch.image[:, :, 0, 0, :2].float())


def test_a_batch_says_which_pixels_move_within_the_whole_episode() -> None:
    image = np.zeros((12, 64, 64, 3), np.uint8)
    for t in range(12):
        image[t, 20:24, 10 + t : 14 + t] = 200
    replay = Replay(0, 100, motion=True)
    replay.add(frames_only(image))
    batch = replay.sample(3, 2, np.random.default_rng(0))
    expected = moving_pixels(torch.from_numpy(image))
    for row in range(3):
        first = int(np.flatnonzero((image == batch.image[row, 0].numpy()).all((1, 2, 3)))[0])
        assert torch.equal(batch.moving[row], expected[first : first + 2])
    replay = Replay(0, 100)
    replay.add(frames_only(image))
    assert replay.sample(3, 2, np.random.default_rng(0)).moving.shape == (3, 2, 0)


def test_an_experts_advice_stays_beside_its_frames_and_is_padded_to_the_agents_actions() -> None:
    def advise(names: Sequence[str], factors: NDArray[np.float32]) -> NDArray[np.float32]:
        assert names == ("height",)
        return -factors

    replay = Replay(action_size=2, capacity=25, advise=advise)
    for number in range(9):
        episode = an_episode(number, 6 + number % 3)
        height = 10 * number + np.arange(len(episode.image), dtype=np.float32)[:, None]
        replay.add(episode._replace(factors=height, factor_names=("height",)))
    batch = replay.sample(100, 3, np.random.default_rng(0))
    shown = 10 * batch.image[:, :, 0, 0, 0].float() + batch.image[:, :, 0, 0, 1].float()
    np.testing.assert_array_equal(batch.advice[..., 0].numpy(), -shown.numpy())
    assert not batch.advice[..., 1].any()
