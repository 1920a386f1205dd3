"""Each format gives the episodes that were written into it: borders, pictures, actions, rewards, ends, states."""

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from backend.data.containers import VideoError
from backend.data.decode.sandbox import Decoded, Limits
from backend.data.formats.protocol import Look, Reader
from backend.data.formats.registry import open_reader, recognise
from backend.data.formats.tree import ZipTree
from tests.support import foreign as w
from tests.support.foreign import LENGTHS, Lived, lived, opened
from tests.support.foreign_lerobot import STATE_NAMES, write_lerobot


class Case(NamedTuple):
    """How a format is written, and which parts of the episodes it keeps."""

    format: str
    write: Callable[[Path, list[Lived]], Path]
    error: float = 0.0  # of the pictures, of 255: how well they are encoded
    dropped: int = 0  # frames at the end of each episode
    terminal: bool = True  # it tells which ends are terminal
    state: tuple[str, ...] = ("arm 0", "arm 1")
    acts: bool = True


def _in(name: str, write: Callable[..., Path], **options: Any) -> Callable[[Path, list[Lived]], Path]:
    return lambda folder, episodes: write(folder / name, episodes, **options)


STATE = ("variation.arm 0", "variation.arm 1")
NAMES = tuple(STATE_NAMES)
CASES = {
    "stable-worldmodel h5": Case("stable-worldmodel", _in("a.h5", w.write_stable_hdf5), state=STATE),
    "stable-worldmodel folder": Case("stable-worldmodel", _in("a", w.write_stable_folder), 2, state=STATE),
    "stable-worldmodel films": Case("stable-worldmodel", _in("a", w.write_stable_folder, films=True), 3, state=STATE),
    "minari": Case("minari", _in("a-v0", w.write_minari), 2),
    "minari raw": Case("minari", _in("a-v0", w.write_minari, encoded=False)),
    "minari arrow": Case("minari", _in("a-v0", w.write_minari_arrow), 2),
    "rlds": Case("rlds", _in("a", w.write_rlds)),
    "vd4rl": Case("vd4rl", _in("a.hdf5", w.write_vd4rl), state=()),
    "d4rl": Case("d4rl", _in("a.hdf5", w.write_d4rl), dropped=1),
    "lerobot 2.1": Case("lerobot-v2.1", _in("a", write_lerobot, version="v2.1"), 3, 1, False, NAMES),
    "lerobot 3": Case("lerobot-v3", _in("a", write_lerobot), 3, 1, False, NAMES),
    "lerobot 3 pictures": Case("lerobot-v3", _in("a", write_lerobot, film=False), 0, 1, False, NAMES),
    "zarr 2": Case("zarr", _in("a.zarr", w.write_zarr), terminal=False),
    "zarr 3": Case("zarr", _in("a.zarr", w.write_zarr, version=3), terminal=False),
    "zarr floats": Case("zarr", _in("a.zarr", w.write_zarr, floats=True), terminal=False),
    "npz": Case("npz", _in("a", w.write_npz_folder), state=()),
    "npz stacks": Case("npz", _in("a", w.write_npz_folder, stacked=True), state=()),
    "pictures": Case("pictures", _in("a", w.write_pictures), terminal=False, state=(), acts=False),
}


def check(reader: Reader, case: Case, episodes: list[Lived]) -> None:
    """The reader gives these episodes, as far as the format keeps them."""
    assert reader.format == case.format
    assert reader.lengths == tuple(length - case.dropped for length in LENGTHS)
    for number in (2, 0, 1):  # in any order
        one, read = episodes[number], reader.read(number)
        length = LENGTHS[number] - case.dropped
        assert np.abs(read.image.astype(float) - one.image[:length]).mean() <= case.error
        assert read.is_first.tolist() == [True] + [False] * (length - 1)
        assert read.is_last.tolist() == [False] * (length - 1) + [True]
        ends = case.terminal and one.terminal
        assert read.is_terminal.tolist() == [False] * (length - 1) + [ends]
        assert read.discount.tolist() == [1] * (length - 1) + [0 if ends else 1]
        assert read.factor_names == case.state
        assert np.array_equal(read.factors, one.state[:length, : len(case.state)])
        if case.acts:
            assert np.array_equal(read.action, one.action[:length])
        if case.acts and case.format != "zarr":
            assert np.allclose(read.reward, one.reward[:length])


@pytest.mark.parametrize("name", CASES)
def test_a_format_gives_the_episodes_that_were_written(tmp_path: Path, name: str) -> None:
    episodes = lived()
    CASES[name].write(tmp_path, episodes)
    check(opened(tmp_path), CASES[name], episodes)


@pytest.mark.parametrize("name", ["stable-worldmodel h5", "lerobot 3", "zarr 2", "minari"])
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_of_the_folder_is_read_like_the_folder(tmp_path: Path, name: str, compression: int) -> None:
    episodes = lived()
    CASES[name].write(tmp_path / "in", episodes) if (tmp_path / "in").mkdir() is None else None
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", compression) as archive:
        for file in (tmp_path / "in").rglob("*"):
            archive.write(file, file.relative_to(tmp_path / "in"))
    with path.open("rb") as source:
        tree = ZipTree("a.zip", source)
        family, root = recognise(tree)
        check(open_reader(tree, family, root, Look("centre", Limits(), Decoded())), CASES[name], episodes)


def test_two_data_sets_in_a_folder_are_named(tmp_path: Path) -> None:
    for name in ("one.h5", "two.h5"):
        w.write_stable_hdf5(tmp_path / name, lived())
    with pytest.raises(VideoError, match=r"2 data sets in it: 'one.h5', 'two.h5'"):
        opened(tmp_path)


def test_two_data_sets_of_different_formats_are_named_too(tmp_path: Path) -> None:
    w.write_minari(tmp_path / "minari" / "hdf5-v0", lived())
    w.write_minari_arrow(tmp_path / "minari" / "arrow-v0", lived())
    for format in (None, "minari"):
        with pytest.raises(VideoError, match=r"2 data sets in it: 'minari/arrow-v0/data', 'minari/hdf5-v0/data"):
            opened(tmp_path, format)


def test_the_same_episodes_at_two_sizes_are_two_data_sets(tmp_path: Path) -> None:
    """As V-D4RL publishes them; the smaller ones were left out without a word."""
    (tmp_path / "random" / "84px").mkdir(parents=True)
    w.write_vd4rl(tmp_path / "random" / "84px" / "data.hdf5", lived())
    w.write_npz_folder(tmp_path / "random" / "64px", lived())
    with pytest.raises(VideoError, match=r"2 data sets in it: 'random/84px/data.hdf5', 'random/64px'"):
        opened(tmp_path)
    assert opened(tmp_path, "npz").lengths == opened(tmp_path, "vd4rl").lengths == LENGTHS


def test_what_other_formats_find_within_a_data_set_are_its_parts(tmp_path: Path) -> None:
    write_lerobot(tmp_path / "a", lived())
    w.write_stable_hdf5(tmp_path / "a" / "more.h5", lived())
    assert opened(tmp_path).format == "lerobot-v3"


def test_a_format_said_by_hand_is_the_only_one_that_is_tried(tmp_path: Path) -> None:
    write_lerobot(tmp_path / "a", lived())
    with pytest.raises(VideoError, match="no data set of the format zarr"):
        opened(tmp_path, "zarr")
    with pytest.raises(VideoError, match=r"it is lerobot-v3, not lerobot-v2.1"):
        opened(tmp_path, "lerobot-v2.1")
    assert opened(tmp_path, "lerobot-v3").format == "lerobot-v3"


def test_links_inside_of_a_folder_are_followed_and_those_out_of_it_refused(tmp_path: Path) -> None:
    w.write_stable_hdf5(tmp_path / "hidden.bin", lived())
    inside = tmp_path / "set"
    inside.mkdir()
    shutil.copy(tmp_path / "hidden.bin", inside / "blob")
    (inside / "a.h5").symlink_to(inside / "blob")
    assert opened(inside).lengths == LENGTHS
    (inside / "b.txt").symlink_to(tmp_path / "hidden.bin")
    with pytest.raises(VideoError, match=r"'b\.txt' is a link out of the folder"):
        opened(inside)
