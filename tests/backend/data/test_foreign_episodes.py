"""Episodes written by other code: several in one file, extra objects, missing values, a truncated one."""

import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.data.containers import VideoError
from backend.data.episodes import (
    DatasetInfo,
    frames_only,
    read_dataset_info,
    read_episode,
    read_episodes,
    read_nth_episode,
)
from backend.data.replay import Replay
from tests.support.taking import take

SHADES = np.repeat([30, 90, 150], [20, 30, 25]).astype(np.uint8)
STARTS = np.isin(np.arange(75), (0, 20, 50))
ENDS = np.isin(np.arange(75), (19, 49, 74))


def npz(**arrays: Any) -> bytes:
    """Arrays as the bytes of a file."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def chunk(**arrays: Any) -> bytes:
    """Three consecutive episodes, each of one shade."""
    image = np.broadcast_to(SHADES[:, None, None, None], (75, 64, 64, 3))
    return npz(image=image, action=np.ones((75, 2), np.float32), **arrays)


def taken(folder: Path, content: bytes, name: str = "e.npz") -> DatasetInfo:
    """The data set of one file."""
    (folder / name).write_bytes(content)
    return take([(name, folder / name)], folder / "set")


@pytest.mark.parametrize(
    "arrays",
    [
        {"is_first": STARTS},
        {"is_first": STARTS, "is_last": STARTS, "is_terminal": STARTS},  # a done that stands beside the reset
        {"is_last": ENDS},
        {"done": ENDS.astype(np.float64)[:, None]},
        {"terminated": np.zeros(75, bool), "truncated": ENDS},
        {"dones": ENDS[1:]},  # one per step between frames
        {"step_type": np.where(STARTS, 0, np.where(ENDS, 2, 1))},
        {"discount": np.where(ENDS, 0.0, 1.0)},
        {"episode_index": np.repeat([7, 8, 9], [20, 30, 25])},
    ],
    ids="+".join,
)
def test_a_file_of_several_episodes_is_taken_apart(tmp_path: Path, arrays: dict[str, Any]) -> None:
    info = taken(tmp_path, chunk(**arrays))
    assert info.lengths == (20, 30, 25)
    for episode in read_episodes(tmp_path / "set"):
        assert len(np.unique(episode.image)) == 1
        assert episode.is_first.tolist() == [True] + [False] * (len(episode.image) - 1)
        assert episode.is_last[-1] and not episode.is_last[:-1].any()
        assert not episode.action[0].any() and episode.action[1:].all()


def test_a_folder_of_such_files_is_read_and_trained_on_episode_by_episode(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.npz").write_bytes(chunk(is_first=STARTS))
    assert read_dataset_info(tmp_path).lengths == (20, 30, 25) * 2
    assert np.unique(read_nth_episode(tmp_path, 4).image).tolist() == [90]
    replay = Replay(2)
    replay.extend(read_episodes(tmp_path))
    replay.add(read_episode(tmp_path / "a.npz"))  # not taken apart: the replay does it
    batch = replay.sample(256, 15, np.random.default_rng(0))
    assert not batch.image.float().mean((2, 3, 4)).diff(dim=1).any()


def test_objects_beside_are_left_out_with_a_warning_and_never_loaded(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return (Path.touch, (str(tmp_path / "exploded"),))

    image = np.zeros((20, 64, 64, 3), np.uint8)
    info = taken(tmp_path, npz(image=image, info=np.array([Bomb()] * 20, dtype=object), task=np.array("open")))
    assert info.lengths == (20,)
    assert info.warnings == ("e.npz: the array `info` holds Python objects and was left out",)
    assert not (tmp_path / "exploded").exists()


def test_a_first_reward_that_is_missing_counts_as_zero(tmp_path: Path) -> None:
    reward = np.where(STARTS, np.nan, 1.0)
    info = taken(tmp_path, chunk(is_first=STARTS, reward=reward, discount=reward))
    assert info.warnings == () and any("`reward` has no value" in note for note in info.settings["files"][0]["notes"])
    for episode in read_episodes(tmp_path / "set"):
        assert episode.reward[0] == 0 and episode.discount[0] == 1 and episode.reward[1:].all()


@pytest.mark.parametrize(
    ("name", "value", "frame"), [("reward", np.nan, 7), ("reward", np.inf, 0), ("factors", np.nan, 0)]
)
def test_any_other_value_that_is_missing_is_refused_by_its_frame(
    tmp_path: Path, name: str, value: float, frame: int
) -> None:
    values = np.ones(20)
    values[frame] = value
    with pytest.raises(VideoError, match=f"`{name}` holds NaN or infinity at frame {frame}"):
        taken(tmp_path, npz(image=np.zeros((20, 64, 64, 3), np.uint8), **{name: values}))


def test_an_episode_that_broke_off_is_named(tmp_path: Path) -> None:
    files = []
    for number, frames in enumerate((20, 20, 1)):
        path = tmp_path / f"{number}.npz"
        path.write_bytes(npz(image=np.full((frames, 64, 64, 3), number, np.uint8)))
        files.append((path.name, path))
    info = take(files, tmp_path / "set")
    assert info.lengths == (20, 20, 1)
    assert info.warnings == ("1 of 3 episodes has fewer than 16 frames: too short to be trained on",)


def test_archives_packed_on_a_mac_are_read(tmp_path: Path) -> None:
    arrays = frames_only(np.zeros((20, 64, 64, 3), np.uint8))._asdict() | {"agent": np.zeros((20, 64, 64), bool)}
    content = npz(**{name: array for name, array in arrays.items() if array is not None})
    with tarfile.open(tmp_path / "a.tar.xz", "w:xz") as tar, zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name, data in (("e/._0.npz", b"junk"), ("e/0.npz", content), ("e/1.npz", content), ("e/.DS_Store", b"")):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
            archive.writestr(name, data)
    for name in ("a.tar.xz", "a.zip"):
        info = take([(name, tmp_path / name)], tmp_path / f"set-{name}")
        assert (info.kind, info.lengths, info.warnings) == ("published", (20, 20), ())
