"""Data sets written for other projects hold the same values and are read back unchanged."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from backend.data.dataset_import import import_data
from backend.data.episodes import DatasetInfo, read_dataset_info, read_episodes
from backend.data.formats.writing import write_lerobot, write_npz
from tests.support import foreign as w
from tests.support.foreign import LENGTHS, lived, opened


@pytest.fixture
def brought(tmp_path: Path) -> DatasetInfo:
    """A data set of three episodes with states."""
    w.write_minari(tmp_path / "in", lived())
    return import_data(tmp_path / "in", tmp_path / "home", "mine")


def test_a_lerobot_data_set_comes_back_with_every_frame(tmp_path: Path, brought: DatasetInfo) -> None:
    write_lerobot(brought, tmp_path / "out", fps=20)
    reader = opened(tmp_path / "out")
    assert (reader.format, reader.lengths) == ("lerobot-v3", LENGTHS)
    for number, episode in enumerate(read_episodes(brought.folder)):
        read = reader.read(number)
        assert read.factor_names == episode.factor_names == ("arm 0", "arm 1")
        for name in ("image", "action", "reward", "factors"):
            assert np.array_equal(getattr(read, name), getattr(episode, name)), name


def test_the_files_of_a_lerobot_data_set_agree_with_each_other(tmp_path: Path, brought: DatasetInfo) -> None:
    write_lerobot(brought, tmp_path / "out", fps=20)
    info = json.loads((tmp_path / "out" / "meta" / "info.json").read_text())
    table = pq.read_table(tmp_path / "out" / "data" / "chunk-000" / "file-000.parquet")
    assert set(info["features"]) == set(table.column_names)
    assert (info["total_episodes"], info["total_frames"], info["fps"]) == (3, sum(LENGTHS), 20)
    assert table["index"].to_pylist() == list(range(sum(LENGTHS)))
    assert table["timestamp"].to_pylist()[1] == pytest.approx(0.05)
    stats = json.loads((tmp_path / "out" / "meta" / "stats.json").read_text())
    action = np.stack(table["action"].to_pylist())
    assert np.allclose(stats["action"]["min"], np.r_[action, np.zeros((1, 2))].min(0))
    assert np.shape(stats["observation.images.main"]["mean"]) == (3, 1, 1)


@pytest.mark.parametrize("write", [write_lerobot, write_npz])
def test_a_folder_that_cannot_be_finished_is_not_there(
    tmp_path: Path, brought: DatasetInfo, write: Callable[[DatasetInfo, Path], None]
) -> None:
    (brought.folder / "episode-000002.npz").write_bytes(b"damage")
    with pytest.raises(ValueError, match=r"episode-000002.npz"):
        write(brought, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "in"]


def test_npz_episodes_are_a_data_set_of_their_own(tmp_path: Path, brought: DatasetInfo) -> None:
    write_npz(brought, tmp_path / "out")
    assert read_dataset_info(tmp_path / "out").lengths == LENGTHS
    for read, episode in zip(read_episodes(tmp_path / "out"), read_episodes(brought.folder), strict=True):
        assert np.array_equal(read.image, episode.image) and np.array_equal(read.factors, episode.factors)
