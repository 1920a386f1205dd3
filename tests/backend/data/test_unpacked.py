"""Unpacked data sets: the same batches as from memory, made once, and made again when episodes change."""

import fcntl
import os
import resource
import signal
import threading
import time
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from backend.data.episodes import (
    DatasetInfo,
    Episode,
    EpisodeError,
    episode_places,
    frames_only,
    read_dataset_info,
    read_episodes,
    write_episode,
)
from backend.data.replay import Replay, Sequences
from backend.data.unpacked import LOCK, UNPACKED, UnpackedFrames, frames_of, unpack

LENGTHS = (7, 5, 9, 6)


def an_episode(number: int, length: int) -> Episode:
    rng = np.random.default_rng(number)
    image = np.zeros((length, 64, 64, 3), np.uint8)
    for step in range(length):  # a square that moves over a plain colour
        image[step] = 40 * number
        image[step, 3 * step : 3 * step + 6, 10:20] = 255
    action, reward, discount = (rng.random(shape).astype(np.float32) for shape in ((length, 2), length, length))
    return frames_only(image)._replace(action=action, reward=reward, discount=discount)


@pytest.fixture
def dataset(tmp_path: Path) -> DatasetInfo:
    """Four episodes; the third one's file says that another begins at its fifth frame."""
    for number, length in enumerate(LENGTHS):
        episode = an_episode(number, length)
        if number == 2:
            episode.is_first[5] = True
        write_episode(tmp_path / f"{number}.npz", episode)
    return read_dataset_info(tmp_path)


def open_frames(dataset: DatasetInfo, episodes: int = 4, motion: bool = True) -> Sequences:
    places = episode_places(dataset.folder)
    return frames_of(dataset, places, episodes, device="cpu", motion=motion, tell=lambda *_: None)


def in_memory(dataset: DatasetInfo, episodes: int = 4) -> Replay:
    replay = Replay(2, 100, motion=True)
    replay.extend(islice(read_episodes(dataset.folder), episodes))
    return replay


def assert_same_batches(one: Sequences, other: Sequences) -> None:
    assert len(one) == len(other) and one.episodes == other.episodes
    ones, others = (frames.sample(50, 4, np.random.default_rng(3)) for frames in (one, other))
    assert ones.moving.any() and not ones.moving.all()
    for mine, theirs in zip(ones, others, strict=True):
        assert_array_equal(mine.numpy(), theirs.numpy())


def test_batches_are_those_of_the_same_episodes_in_memory(dataset: DatasetInfo) -> None:
    frames = open_frames(dataset)  # the file with two episodes counts as two
    assert isinstance(frames, UnpackedFrames)
    assert_same_batches(frames, in_memory(dataset))


def test_a_second_start_reads_no_episode(dataset: DatasetInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    first = open_frames(dataset)
    monkeypatch.setattr("backend.data.unpacked.read_place", None)
    assert_same_batches(open_frames(dataset), first)


def test_what_moves_is_added_when_it_is_first_needed(dataset: DatasetInfo) -> None:
    assert open_frames(dataset, motion=False).sample(2, 3, np.random.default_rng(0)).moving.numel() == 0
    assert_same_batches(open_frames(dataset), in_memory(dataset))


def test_a_changed_episode_is_unpacked_again_and_the_old_frames_go(dataset: DatasetInfo) -> None:
    open_frames(dataset)
    write_episode(dataset.folder / "0.npz", an_episode(5, LENGTHS[0]))
    assert open_frames(dataset, episodes=1).sample(1, 7, np.random.default_rng(0)).image[0, 0, -1, -1, 0] == 200
    assert len([path for path in (dataset.folder / UNPACKED).iterdir() if path.is_dir()]) == 1  # beside the lock


@pytest.mark.parametrize("name", ["image.npy", "segments.npy"])
def test_a_file_that_was_cut_is_made_again(dataset: DatasetInfo, name: str) -> None:
    folder = unpack(dataset, episode_places(dataset.folder), True, lambda *_: None)
    os.truncate(folder / name, 100)
    assert_same_batches(open_frames(dataset), in_memory(dataset))


def test_without_room_to_write_the_frames_are_read_into_memory(
    dataset: DatasetInfo, caplog: pytest.LogCaptureFixture
) -> None:
    (dataset.folder / UNPACKED).write_bytes(b"")  # no folder can be made here
    frames = open_frames(dataset)
    assert isinstance(frames, Replay)
    assert f"{dataset.id} is read into memory" in caplog.text
    assert_same_batches(frames, in_memory(dataset))


def test_a_disk_that_fills_up_is_told_before_anything_is_written(
    dataset: DatasetInfo,
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))  # bytes of a file, less than the pictures need
    try:
        frames = open_frames(dataset)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert isinstance(frames, Replay)
    assert [path.name for path in (dataset.folder / UNPACKED).iterdir()] == [LOCK]


def test_a_stop_while_unpacking_leaves_nothing(dataset: DatasetInfo) -> None:
    def stop(done: int, total: int) -> None:
        assert total == 5
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        unpack(dataset, episode_places(dataset.folder), False, stop)
    assert [path.name for path in (dataset.folder / UNPACKED).iterdir()] == [LOCK]


def test_a_data_set_that_describes_other_frames_is_refused(dataset: DatasetInfo) -> None:
    write_episode(dataset.folder / "3.npz", an_episode(3, 8))
    with pytest.raises(EpisodeError, match="describes"):
        open_frames(dataset)


def test_another_process_that_unpacks_is_waited_for(dataset: DatasetInfo) -> None:
    root = dataset.folder / UNPACKED
    root.mkdir()
    waited = threading.Event()
    with (root / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        def release() -> None:
            waited.wait(10)
            fcntl.flock(lock, fcntl.LOCK_UN)

        other = threading.Thread(target=release)
        other.start()
        unpack(dataset, episode_places(dataset.folder), False, lambda *_: waited.set())
        other.join()
    assert waited.is_set() and len(open_frames(dataset)) == 21


def test_frames_take_no_memory_before_they_are_drawn(tmp_path: Path) -> None:
    image = np.zeros((2000, 64, 64, 3), np.uint8)
    for number in range(3):
        write_episode(tmp_path / f"{number}.npz", frames_only(image))
    dataset = read_dataset_info(tmp_path)
    open_frames(dataset, motion=False)
    before = _anonymous_bytes()
    begun = time.perf_counter()
    frames = open_frames(dataset, motion=False)
    assert time.perf_counter() - begun < 2
    assert _anonymous_bytes() - before < image.nbytes / 4 and len(frames) == 6000


def _anonymous_bytes() -> int:
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:")) * 1024
