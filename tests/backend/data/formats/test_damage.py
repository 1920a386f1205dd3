"""Damaged and hostile data sets are refused with one sentence, leave no files behind and use bounded memory."""

import json
import re
import shutil
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backend.data.catalogue import find_dataset
from backend.data.clips import UserFile, import_clips
from backend.data.containers import VideoError
from backend.data.dataset_import import LIMITS, import_data
from backend.data.decode.sandbox import Limits
from backend.data.episodes import EpisodeError, read_episodes, read_nth_episode
from backend.data.formats.reference import forget_readers
from backend.data.formats.tree import ZipTree
from tests.support import foreign as w
from tests.support.foreign import lived, opened
from tests.support.foreign_lerobot import write_lerobot


def _stable(folder: Path) -> Path:
    return w.write_stable_hdf5(folder / "a.h5", lived())


def _lerobot(folder: Path) -> Path:
    return write_lerobot(folder, lived())


def _zarr(folder: Path) -> Path:
    return w.write_zarr(folder / "a.zarr", lived())


def _changed(change: Callable[[h5py.File], None]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        with h5py.File(folder / "a.h5", "a") as file:
            change(file)

    return edit


def _without(name: str) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[name]

    return change


def _put(name: str, values: object) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        if name in file:
            del file[name]
        file[name] = values

    return change


def _claim(rows: int) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file["pixels"], file["ep_len"]
        file.create_dataset("pixels", (rows, 64, 64, 3), np.uint8, chunks=(1, 64, 64, 3))
        file["ep_len"] = np.array([rows, 1, 1])

    return change


def _outside(file: h5py.File) -> None:
    del file["pixels"]
    file.create_dataset("pixels", (16, 64, 64, 3), np.uint8, external=[("/etc/passwd", 0, 16 * 64 * 64 * 3)])


def _linked(file: h5py.File) -> None:
    file["other"] = h5py.ExternalLink("/tmp/other.h5", "/a")


def _cut(name: str, share: float) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        path = folder / name
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])

    return edit


def _info(**changes: object) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        path = folder / "meta" / "info.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return edit


def _table(folder: Path, name: str, column: str, values: object) -> None:
    table = pq.read_table(folder / name)
    pq.write_table(table.set_column(table.column_names.index(column), column, pa.array(values)), folder / name)


EPISODES = "meta/episodes/chunk-000/file-000.parquet"
ROWS = "data/chunk-000/file-000.parquet"

HDF5 = {
    "`ep_offset` is missing": _without("ep_offset"),
    "it has no pictures, only `action`": _without("pixels"),
    "claims 1,000,000,000 rows": _claim(10**9),
    "bytes in 10,000,000 rows, but holds 0": _claim(10**7),
    "'/pixels' lies in another file": _outside,
    "'other' is a link to another file": _linked,
    "episode 2 reaches to row 99": _put("ep_len", np.array([7, 4, 88])),
    "episode 1 has no frames": _put("ep_len", np.array([7, -4, 5])),
    "2 episodes begin and how long 3": _put("ep_offset", np.array([0, 7])),
    "`action` holds NaN or infinity at frame 1": _put("action", np.full((16, 2), np.inf)),
    "`reward` has [0-9]+ rows for": _put("reward", np.zeros(3)),
}


@pytest.mark.parametrize("message", HDF5)
def test_a_wrong_hdf5_file_is_named_by_what_is_wrong(tmp_path: Path, message: str) -> None:
    _stable(tmp_path)
    _changed(HDF5[message])(tmp_path)
    with pytest.raises(VideoError, match=message):
        [opened(tmp_path).read(n) for n in range(3)]


LEROBOT: dict[str, Callable[[Path], None]] = {
    "data/chunk-000/file-000.parquet' is missing": lambda folder: (folder / ROWS).unlink(),
    "file-000.mp4' is missing": lambda folder: shutil.rmtree(folder / "videos"),
    "meta/info.json names no features": _info(features=None),
    "LeRobot v1.6 is not read": _info(codebase_version="v1.6"),
    "it has no camera": _info(features={"action": {"dtype": "float32", "shape": [2]}}),
    "is not a readable Parquet file|cannot be read": _cut(ROWS, 0.6),
    "meta/info.json' is not JSON": _cut("meta/info.json", 0.5),
    "file-000.mp4' cannot be read|lacks": _cut("videos/observation.images.top/chunk-000/file-000.mp4", 0.5),
    "claims 1,000,000,000 frames": lambda folder: _table(folder, EPISODES, "length", [10**9, 3, 4]),
    "has 13 rows; rows 894 to 900 are asked for": lambda folder: _table(
        folder, EPISODES, "dataset_from_index", [900, 6, 9]
    ),
    "the rows of episode 1 are not where meta says": lambda folder: _table(
        folder, EPISODES, "dataset_from_index", [0, 5, 9]
    ),
    "`action` has rows without a value": lambda folder: _table(folder, ROWS, "action", [None] * 13),
    r"\.\./\.\./etc/passwd' is missing": _info(data_path="../../etc/passwd"),
}


@pytest.mark.parametrize("message", LEROBOT)
def test_a_wrong_lerobot_folder_is_named_by_what_is_wrong(tmp_path: Path, message: str) -> None:
    _lerobot(tmp_path / "a")
    LEROBOT[message](tmp_path / "a")
    with pytest.raises(VideoError, match=message):
        [opened(tmp_path).read(n) for n in range(3)]


def test_a_wrong_zarr_buffer_is_named_by_what_is_wrong(tmp_path: Path) -> None:
    path = _zarr(tmp_path)
    head = path / "data" / "img" / ".zarray"
    claims = json.loads(head.read_text())
    head.write_text(json.dumps(claims | {"shape": [10**7, 128, 128, 3]}))
    with pytest.raises(VideoError, match="'/data/img' claims 10,000,000 rows, but its files hold 16 at most"):
        opened(tmp_path)
    head.write_text(json.dumps(claims | {"chunks": [10**6, 128, 128, 3]}))
    with pytest.raises(VideoError, match="the chunks of '/data/img' have 49,152,000,000 bytes"):
        opened(tmp_path)
    head.write_text("{")
    with pytest.raises(VideoError):
        opened(tmp_path)
    shutil.rmtree(path / "meta")
    with pytest.raises(VideoError):
        opened(tmp_path)


def test_a_cut_or_changed_tfrecord_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "features.json").write_text("{}")
    path = tmp_path / "a.tfrecord-00000-of-00001"
    path.write_bytes(struct.pack("<Q", 10**9) + b"\0" * 4)
    with pytest.raises(VideoError, match="is damaged at byte 12"):
        opened(tmp_path)
    path.write_bytes(b"\0" * 5)
    with pytest.raises(VideoError, match="is damaged at byte 5"):
        opened(tmp_path)


def _zip(path: Path, *entries: tuple[zipfile.ZipInfo | str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


def test_zips_that_reach_out_or_blow_up_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("meta/info.json")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    for entry, message in (
        (("../meta/info.json", b"{}"), "points out of the zip"),
        (("/meta/info.json", b"{}"), "points out of the zip"),
        ((link, b"/etc/passwd"), "is a link"),
    ):
        path = _zip(tmp_path / "a.zip", entry)
        with path.open("rb") as source, pytest.raises(VideoError, match=re.escape(message)):
            ZipTree("a.zip", source)
    bomb = _zip(tmp_path / "bomb.zip", ("meta/info.json", b"0" * 70 * 2**20))
    with pytest.raises(VideoError, match="has 73,400,320 bytes; at most 67,108,864 are read"):
        import_data(bomb, tmp_path / "home", "x")
    assert not list((tmp_path / "home" / "datasets").iterdir())


SPOILT = {"cut": _cut("a.h5", 0.7), "claim": _changed(_claim(10**9)), "outside": _changed(_outside)}


@pytest.mark.parametrize("how", SPOILT)
def test_a_refused_import_leaves_nothing_behind(tmp_path: Path, how: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    _stable(folder)
    SPOILT[how](folder)
    for path in (folder, folder / "a.h5"):
        with pytest.raises(VideoError) as refusal:
            import_data(path, tmp_path / "home", "x")
        assert "\n" not in refusal.value.message and len(refusal.value.message) < 400
        assert not list((tmp_path / "home" / "datasets").iterdir())


def test_an_import_stays_within_its_memory(tmp_path: Path) -> None:
    """Pictures of 60 MB per episode are resized in pieces; a process that may use far less than the file can do it."""
    with h5py.File(tmp_path / "big.h5", "w") as file:
        shape = (300, 512, 512, 3)
        pixels = file.create_dataset("pixels", shape, np.uint8, chunks=(1, 512, 512, 3), compression="lzf")
        for row in range(shape[0]):
            pixels[row] = row % 256
        file["action"], file["reward"] = np.zeros((300, 1)), np.zeros(300)
        file["ep_len"], file["ep_offset"] = np.array([150, 150]), np.array([0, 150])
    limits = Limits(seconds=300, memory=700 * 2**20, max_frames=LIMITS.max_frames)
    info = import_data(tmp_path / "big.h5", tmp_path / "home", "big", limits=limits)
    assert info.lengths == (150, 150)
    with pytest.raises(VideoError, match="more memory"):
        import_data(tmp_path / "big.h5", tmp_path / "home", "small", limits=Limits(seconds=300, memory=420 * 2**20))


LARGE = {
    "folder": lambda folder: write_lerobot(folder / "a", lived(), film=False),
    "file": lambda folder: w.write_d4rl(folder / "a", lived()),
}


@pytest.mark.parametrize("kind", LARGE)
def test_a_large_data_set_is_read_where_it_lies(tmp_path: Path, kind: str) -> None:
    path, episodes, home = LARGE[kind](tmp_path), lived(), tmp_path / "home"
    info = import_data(path, home, "big", limits=Limits(seconds=300, max_copied=1000))
    assert info.lengths == (6, 3, 4) and info.action_size == 2
    assert sorted(path.name for path in info.folder.iterdir()) == ["dataset.json", "manifest.json", "reference.json"]
    found = find_dataset(home, "big")
    for one, read in zip(episodes, read_episodes(found.folder), strict=True):
        assert np.array_equal(read.image, one.image[:-1]) and np.array_equal(read.action, one.action[:-1])
    assert np.array_equal(read_nth_episode(found.folder, 2).image, episodes[2].image[:-1])
    path.rename(tmp_path / "b")
    forget_readers()
    with pytest.raises(EpisodeError, match="is gone"):
        read_nth_episode(found.folder, 0)


def test_an_upload_is_never_read_where_it_lies(tmp_path: Path) -> None:
    """An upload's file is deleted when the request ends, however large it is."""
    path = w.write_d4rl(tmp_path / "a.h5", lived())
    info = import_clips([UserFile("a.h5", path, "")], tmp_path / "set", "x")
    path.unlink()
    assert [len(episode.image) for episode in read_episodes(info.folder)] == [6, 3, 4]
