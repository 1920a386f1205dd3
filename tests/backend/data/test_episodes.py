"""Episodes on disk: they are read back unchanged, published layouts are accepted, and damage is reported."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.data.episodes import (
    DATASET,
    DatasetInfo,
    Episode,
    EpisodeError,
    frames_only,
    now,
    parse_episodes,
    read_dataset_info,
    read_episode,
    read_episodes,
    read_nth_episode,
    write_dataset_info,
    write_episode,
)

LENGTH = 6


def _images(length: int = LENGTH, seed: int = 0) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, 256, (length, 64, 64, 3), np.uint8)


def _episode(seed: int = 0) -> Episode:
    random = np.random.default_rng(seed)
    return Episode(
        image=_images(seed=seed),
        action=random.uniform(-1, 1, (LENGTH, 2)).astype(np.float32),
        reward=random.normal(size=LENGTH).astype(np.float32),
        discount=np.array([1, 1, 1, 1, 1, 0], np.float32),
        is_first=np.arange(LENGTH) == 0,
        is_last=np.arange(LENGTH) == LENGTH - 1,
        is_terminal=np.arange(LENGTH) == LENGTH - 1,
        factors=random.normal(size=(LENGTH, 3)).astype(np.float32),
        factor_names=("pole_angle", "light", "größe"),
        agent=random.random((LENGTH, 64, 64)) < 0.1,
        agent_part=random.integers(0, 3, (LENGTH, 64, 64), np.uint8),
    )


def _save(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def _assert_equal(one: Episode, two: Episode) -> None:
    for name, value in one._asdict().items():
        other = getattr(two, name)
        if name == "factor_names" or value is None:
            assert value == other
        else:
            assert value.dtype == other.dtype and np.array_equal(value, other), name


def test_an_episode_comes_back_as_it_was_written(tmp_path: Path) -> None:
    write_episode(tmp_path / "e.npz", _episode())
    _assert_equal(read_episode(tmp_path / "e.npz"), _episode())
    assert list(tmp_path.iterdir()) == [tmp_path / "e.npz"]


def test_the_same_episode_gives_the_same_bytes(tmp_path: Path) -> None:
    write_episode(tmp_path / "a.npz", _episode())
    write_episode(tmp_path / "b.npz", _episode())
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_an_episode_of_unequal_parts_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="differ in length"):
        write_episode(tmp_path / "e.npz", _episode()._replace(reward=np.zeros(3, np.float32)))
    assert list(tmp_path.iterdir()) == []


def test_pictures_alone_are_an_episode(tmp_path: Path) -> None:
    read = read_episode(_save(tmp_path / "e.npz", image=_images()))
    _assert_equal(read, frames_only(_images()))
    assert read.action.shape == (LENGTH, 0) and read.factors.shape == (LENGTH, 0)
    assert read.is_first.tolist() == [True] + 5 * [False] and read.is_last.tolist() == 5 * [False] + [True]
    assert (read.discount == 1).all() and (read.reward == 0).all()


def test_published_shapes_are_met_half_way(tmp_path: Path) -> None:
    path = _save(
        tmp_path / "e.npz",
        image=_images().transpose(0, 3, 1, 2),  # channels first
        action=np.ones((LENGTH - 1, 2)),  # float64, without the row of the first frame
        reward=np.arange(LENGTH, dtype=np.float64)[:, None],  # (T, 1)
        discount=np.array([1, 1, 1, 1, 1, 0.0]),
        physics=np.arange(2.0 * LENGTH).reshape(LENGTH, 2),  # a state
        log_speed=np.zeros(LENGTH),
        goal=np.zeros((LENGTH, 9, 9)),
        unknown=np.full(LENGTH, np.nan),
    )
    read = read_episode(path)
    assert np.array_equal(read.image, _images())
    assert read.action.dtype == np.float32 and read.action.tolist() == [[0, 0]] + 5 * [[1, 1]]
    assert read.reward.tolist() == [0, 1, 2, 3, 4, 5]
    assert read.is_terminal.tolist() == 5 * [False] + [True]
    assert read.factor_names == ("physics 0", "physics 1") and read.factors.tolist()[1] == [2, 3]


def test_the_newest_frame_of_a_stack_is_resized_by_area(tmp_path: Path) -> None:
    newest = np.zeros((LENGTH, 3, 128, 128), np.uint8)
    newest[:, 0, ::2] = 200  # red lines, every second
    older = np.full((LENGTH, 6, 128, 128), 90, np.uint8)
    path = _save(tmp_path / "e.npz", observation=np.concatenate([older, newest], 1), reward=np.ones((LENGTH, 1)))
    assert read_episode(path).image[..., 0].tolist() == np.full((LENGTH, 64, 64), 100).tolist()
    assert not read_episode(path).image[..., 1:].any()
    with path.open("rb") as file:
        assert parse_episodes(file).notes == (
            "resized from 128 x 128 pixels",
            "the newest of 3 stacked frames was taken",
        )


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"reward": np.zeros(LENGTH)}, "no array `image`"),
        ({"image": np.zeros((LENGTH, 32, 3), np.uint8)}, r"expected uint8 \(T, 64, 64, 3\)"),
        ({"image": np.zeros((LENGTH, 64, 64, 3), np.uint16)}, "uint16"),
        ({"image": np.full((LENGTH, 64, 64, 3), -3, np.float32)}, "its pixels are float32 outside of 0 to"),
        ({"image": np.zeros((0, 64, 64, 3), np.uint8)}, "no frames"),
        ({"image": _images(), "reward": np.zeros(3)}, r"`reward` is float64 \(3,\) for 6 frames"),
        ({"image": _images(), "reward": np.full(LENGTH, np.nan)}, "NaN"),
        ({"image": _images(), "reward": np.zeros((LENGTH, 2))}, "one number per frame"),
        ({"image": _images(), "action": np.array(["a"] * LENGTH)}, "`action`"),
        ({"image": _images(), "factors": np.zeros((LENGTH, 2)), "factor_names": np.array(["a"])}, "1 factor names"),
    ],
)
def test_wrong_arrays_are_named(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(EpisodeError, match=message) as caught:
        read_episode(_save(tmp_path / "wrong.npz", **arrays))
    assert "wrong.npz" in str(caught.value)


def test_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return (Path.touch, (str(tmp_path / "exploded"),))

    path = _save(tmp_path / "e.npz", image=np.array([Bomb()], dtype=object))
    with pytest.raises(EpisodeError, match="Python objects"):
        read_episode(path)
    assert not (tmp_path / "exploded").exists()


def test_a_header_that_lies_about_its_size_is_refused_before_memory_is_asked_for(tmp_path: Path) -> None:
    header = io.BytesIO()
    shape = {"descr": "|u1", "fortran_order": False, "shape": (10**9, 64, 64, 3)}
    np.lib.format.write_array_header_1_0(header, shape)
    with zipfile.ZipFile(tmp_path / "e.npz", "w") as archive:
        archive.writestr("image.npy", header.getvalue() + b"\0" * 1000)
    with pytest.raises(EpisodeError, match="not the bytes for it"):
        read_episode(tmp_path / "e.npz")


def test_damage_anywhere_is_an_episode_error(tmp_path: Path) -> None:
    write_episode(tmp_path / "whole.npz", _episode())
    whole = (tmp_path / "whole.npz").read_bytes()
    random = np.random.default_rng(0)
    path = tmp_path / "damaged.npz"
    for cut in random.integers(0, len(whole), 30):
        path.write_bytes(whole[:cut])
        with pytest.raises(EpisodeError, match=r"damaged\.npz"):
            read_episode(path)
    for place in random.integers(0, len(whole), 60):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            read = read_episode(path)
        except EpisodeError:
            continue
        _assert_equal(read, _episode())  # the byte was one that nobody reads


def _info(folder: Path) -> DatasetInfo:
    return DatasetInfo(
        id="set",
        name="A set",
        kind="collected",
        folder=folder,
        environment="walker-walk",
        episodes=2,
        frames=2 * LENGTH,
        lengths=(LENGTH, LENGTH),
        action_size=2,
        factor_names=("pole_angle", "light", "größe"),
        guessed_factors=False,
        created_at=now(),
        settings={"seed": 1},
        warnings=("one frame is missing",),
    )


def test_a_data_set_is_described_and_read_in_order(tmp_path: Path) -> None:
    for index in (1, 0):
        write_episode(tmp_path / f"episode-{index:06d}.npz", _episode(index))
    info = _info(tmp_path)
    write_dataset_info(info)
    assert read_dataset_info(tmp_path) == info
    for index, episode in enumerate(read_episodes(tmp_path)):
        _assert_equal(episode, _episode(index))
        _assert_equal(read_nth_episode(tmp_path, index), episode)
    with pytest.raises(EpisodeError, match="no episode 2: the data set has 2"):
        read_nth_episode(tmp_path, 2)


def test_a_data_set_may_be_moved(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    write_dataset_info(_info(tmp_path / "here"))
    (tmp_path / "here").rename(tmp_path / "there")
    assert read_dataset_info(tmp_path / "there").folder == tmp_path / "there"


def test_a_plain_folder_of_episodes_is_a_data_set(tmp_path: Path) -> None:
    folder = tmp_path / "walker"
    folder.mkdir()
    _save(folder / "b.npz", image=_images(9), action=np.zeros((9, 6)))
    _save(folder / "a.npz", image=_images(7), action=np.zeros((7, 6)))
    info = read_dataset_info(folder)
    assert (info.id, info.kind, info.episodes, info.frames, info.lengths) == ("walker", "published", 2, 16, (7, 9))
    assert (info.action_size, info.factor_names, info.guessed_factors) == (6, (), True)


def test_a_folder_without_episodes_and_a_foreign_description_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EpisodeError, match=r"no \.npz episodes"):
        read_dataset_info(tmp_path)
    for text in ("[]", "{", json.dumps({"id": "x"})):
        (tmp_path / DATASET).write_text(text)
        with pytest.raises(EpisodeError, match=DATASET):
            read_dataset_info(tmp_path)


def test_masks_are_read_as_bits_or_plain_and_are_none_where_nobody_knows(tmp_path: Path) -> None:
    masks = _episode().agent
    assert masks is not None
    _save(tmp_path / "plain.npz", image=_images(), agent=masks)
    _save(tmp_path / "bits.npz", image=_images(), agent=np.packbits(masks, axis=-1))
    for name in ("plain.npz", "bits.npz"):
        read = read_episode(tmp_path / name).agent
        assert read is not None and np.array_equal(read, masks)
    write_episode(tmp_path / "film.npz", frames_only(_images()))
    assert read_episode(tmp_path / "film.npz").agent is None


@pytest.mark.parametrize("agent", [np.zeros((3, 64, 64), bool), np.zeros((LENGTH, 64, 64)), np.zeros(LENGTH, np.uint8)])
def test_masks_that_do_not_fit_the_pictures_are_refused(tmp_path: Path, agent: Any) -> None:
    path = _save(tmp_path / "e.npz", image=_images(), agent=agent)
    with pytest.raises(EpisodeError, match="`agent` is"):
        read_episode(path)
