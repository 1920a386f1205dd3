"""Every format with a file cut, changed or missing, or a column of another kind: one sentence, or all that is whole."""

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from backend.data.containers import VideoError
from backend.data.formats.registry import told
from tests.support import foreign as w
from tests.support.foreign import Lived, lived, opened
from tests.support.foreign_lerobot import write_lerobot

Write = Callable[[Path, list[Lived]], Path]
FILES: dict[str, tuple[str, Write]] = {
    "stable-worldmodel h5": ("a.h5", w.write_stable_hdf5),
    "stable-worldmodel folder": ("a", w.write_stable_folder),
    "stable-worldmodel films": ("a", partial(w.write_stable_folder, films=True)),
    "minari": ("a-v0", w.write_minari),
    "minari arrow": ("a-v0", w.write_minari_arrow),
    "rlds": ("a", w.write_rlds),
    "vd4rl": ("a.hdf5", w.write_vd4rl),
    "d4rl": ("a.hdf5", w.write_d4rl),
    "lerobot 2.1": ("a", partial(write_lerobot, version="v2.1")),
    "lerobot 3": ("a", write_lerobot),
    "lerobot 3 pictures": ("a", partial(write_lerobot, film=False)),
    "zarr 2": ("a.zarr", w.write_zarr),
    "zarr 3": ("a.zarr", partial(w.write_zarr, version=3)),
    "npz": ("a", w.write_npz_folder),
    "pictures": ("a", w.write_pictures),
}


def outcome(folder: Path) -> str | tuple[int, ...]:
    """The sentence that a data set is refused with, or the lengths of its episodes, each of which was read."""
    try:
        reader = opened(folder)
        for n, length in enumerate(reader.lengths):
            episode = told(partial(reader.read, n), f"episode {n}")
            assert len(episode.image) == length
    except VideoError as refused:
        assert "\n" not in refused.message and 10 < len(refused.message) < 400
        return refused.message
    return reader.lengths


def one_of_each_kind(folder: Path) -> Iterator[Path]:
    """A file of each suffix, or name without one."""
    seen = set()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        kind = path.suffix or ("a chunk" if path.name[0].isdigit() else path.name)
        if kind not in seen:
            seen.add(kind)
            yield path


def _half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _changed(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]


@pytest.mark.parametrize("format", FILES)
def test_a_spoilt_file_is_a_sentence_or_does_not_matter(tmp_path: Path, format: str) -> None:
    name, write = FILES[format]
    whole = tmp_path / "whole"
    whole.mkdir()
    write(whole / name, lived())
    lengths = outcome(whole)
    assert isinstance(lengths, tuple), "the check below would see nothing"
    refused = 0
    for path in one_of_each_kind(whole):
        for spoil in (_half, _changed, None):
            copy = tmp_path / "copy"
            shutil.copytree(whole, copy)
            place = copy / path.relative_to(whole)
            if spoil is None:
                place.unlink()
            else:
                place.write_bytes(spoil(path.read_bytes()))
            refused += isinstance(outcome(copy), str)
            shutil.rmtree(copy)
    assert refused >= 1, "a file that every import needs is among them"


HDF5 = {"minari": "a-v0/data/main_data.hdf5", "vd4rl": "a.hdf5", "d4rl": "a.hdf5", "stable-worldmodel h5": "a.h5"}
COLUMNS: dict[str, dict[str, Any]] = {
    "text": {"shape": (4,), "dtype": h5py.string_dtype()},
    "one number": {"shape": (), "dtype": np.float32},
    "no rows": {"shape": (0, 2), "dtype": np.float32},
    "a claim": {"shape": (10**9, 2), "dtype": np.float32, "chunks": (1, 2)},
}


@pytest.mark.parametrize("format", HDF5)
def test_a_column_that_is_missing_or_of_another_kind_is_a_sentence_or_left_out(tmp_path: Path, format: str) -> None:
    name, write = FILES[format]
    write(tmp_path / name, lived())
    file = tmp_path / HDF5[format]
    original = file.read_bytes()
    names: list[str] = []
    with h5py.File(file) as opened_file:
        opened_file.visititems(lambda path, item: names.append(path) if isinstance(item, h5py.Dataset) else None)
    outcomes = []
    for column in [path for path in names if not path.startswith(("episode_1", "episode_2", "metadata"))]:
        for other in (None, *COLUMNS.values()):
            with h5py.File(file, "a") as edited:
                del edited[column]
                if other is not None:
                    edited.create_dataset(column, **other)
            outcomes.append(outcome(tmp_path))
            file.write_bytes(original)
    assert sum(isinstance(one, str) for one in outcomes) >= len(COLUMNS)
