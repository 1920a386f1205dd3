"""A data set written for other projects: LeRobotDataset v3 with its pictures as PNG, or npz episodes."""

import io
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from backend.data.episode import Episode, encode_episode
from backend.data.episodes import DATASET, DatasetInfo, encode_dataset_info, read_episodes
from backend.data.files import aside_of, put_in_place

CAMERA = "observation.images.main"
TASK = "no task is named"
_FILE_BYTES = 100 * 2**20  # of one Parquet file, as LeRobot has it
_DATA = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
_FILM = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
_PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def write_npz(info: DatasetInfo, target: Path) -> None:
    """The episodes as `.npz` in our layout, which is that of V-D4RL, with factors. Raises EpisodeError, OSError."""
    with _whole(target) as folder:
        for number, episode in enumerate(read_episodes(info.folder)):
            (folder / f"episode-{number:06d}.npz").write_bytes(encode_episode(episode))
        (folder / DATASET).write_bytes(encode_dataset_info(info))


def write_lerobot(info: DatasetInfo, target: Path, fps: int = 10) -> None:
    """The episodes as a LeRobotDataset v3. Raises EpisodeError, OSError.

    A row has the frame, the action taken at it and the reward that this gave. The last row of an episode has zeros for
    both, so that no frame is lost.
    """
    with _whole(target) as folder:
        writer = _Writer(folder, info)
        for episode in read_episodes(info.folder):
            writer.add(episode, fps)
        writer.finish(fps)


class _Writer:
    """Rows of a LeRobotDataset, one row group per episode."""

    def __init__(self, folder: Path, info: DatasetInfo) -> None:
        self._folder = folder
        self._features = _features(info)
        self._episodes: list[dict[str, Any]] = []
        self._statistics = {name: _Statistics() for name in ("observation.state", "action", "next.reward", CAMERA)}
        self._frames, self._file = 0, -1
        self._opened: Any = None
        self._path = Path()

    def add(self, episode: Episode, fps: int) -> None:
        """One more episode."""
        length, number = len(episode.image), len(self._episodes)
        table = _table(episode, number, self._frames, fps)
        if self._opened is None or self._path.stat().st_size > _FILE_BYTES:
            self._next_file(table.schema)
        self._opened.write_table(table)
        self._episodes.append(
            {
                "episode_index": number,
                "tasks": [TASK],
                "length": length,
                "data/chunk_index": self._file // 1000,
                "data/file_index": self._file % 1000,
                "dataset_from_index": self._frames,
                "dataset_to_index": self._frames + length,
                "meta/episodes/chunk_index": 0,
                "meta/episodes/file_index": 0,
            }
        )
        self._frames += length
        self._statistics["observation.state"].add(episode.factors)
        self._statistics["action"].add(episode.action)
        self._statistics["next.reward"].add(episode.reward[:, None])
        self._statistics[CAMERA].add(episode.image.reshape(-1, 3) / 255)

    def finish(self, fps: int) -> None:
        """Close the last file and write `meta`."""
        if self._opened is not None:
            self._opened.close()
        meta = self._folder / "meta"
        (meta / "episodes" / "chunk-000").mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(self._episodes), meta / "episodes" / "chunk-000" / "file-000.parquet")
        tasks = pa.table({"task_index": pa.array([0], pa.int64()), "__index_level_0__": pa.array([TASK])})
        index = {"index_columns": ["__index_level_0__"], "columns": [], "column_indexes": []}
        pq.write_table(tasks.replace_schema_metadata({"pandas": json.dumps(index)}), meta / "tasks.parquet")
        (meta / "info.json").write_text(json.dumps(self._info(fps), indent=4))
        stats = {name: statistics.told(name) for name, statistics in self._statistics.items() if name in self._features}
        (meta / "stats.json").write_text(json.dumps(stats, indent=4))

    def _info(self, fps: int) -> dict[str, Any]:
        return {
            "codebase_version": "v3.0",
            "robot_type": None,
            "total_episodes": len(self._episodes),
            "total_frames": self._frames,
            "total_tasks": 1,
            "chunks_size": 1000,
            "data_files_size_in_mb": 100,
            "video_files_size_in_mb": 200,
            "fps": fps,
            "splits": {"train": f"0:{len(self._episodes)}"},
            "data_path": _DATA,
            "video_path": _FILM,
            "features": self._features,
        }

    def _next_file(self, schema: pa.Schema) -> None:
        if self._opened is not None:
            self._opened.close()
        self._file += 1
        self._path = self._folder / _DATA.format(chunk_index=self._file // 1000, file_index=self._file % 1000)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._opened = pq.ParquetWriter(self._path, schema)


class _Statistics:
    """Lowest, highest, mean and spread of rows of numbers, as they come."""

    def __init__(self) -> None:
        self.count = 0
        self._sums: list[NDArray[np.float64]] = []

    def add(self, rows: NDArray[Any]) -> None:
        """More rows (N, K)."""
        if not rows.size:
            return
        values = rows.astype(np.float64)
        told = [values.min(0), values.max(0), values.sum(0), (values**2).sum(0)]
        if self._sums:
            low, high, total, squares = self._sums
            told = [np.minimum(low, told[0]), np.maximum(high, told[1]), total + told[2], squares + told[3]]
        self._sums = told
        self.count += len(rows)

    def told(self, name: str) -> Mapping[str, Any]:
        """As LeRobot's stats.json has it; of pictures by channel."""
        low, high, total, squares = self._sums
        mean = total / self.count
        spread = np.sqrt(np.maximum(squares / self.count - mean**2, 0))
        rows = {"min": low, "max": high, "mean": mean, "std": spread}
        shape = (3, 1, 1) if name == CAMERA else (-1,)
        return {key: row.reshape(shape).tolist() for key, row in rows.items()} | {"count": [self.count]}


def _features(info: DatasetInfo) -> dict[str, Any]:
    features: dict[str, Any] = {
        CAMERA: {"dtype": "image", "shape": [64, 64, 3], "names": ["height", "width", "channel"]}
    }
    if info.factor_names:
        names = list(info.factor_names)
        features["observation.state"] = {"dtype": "float32", "shape": [len(names)], "names": names}
    if info.action_size:
        names = [f"action {index}" for index in range(info.action_size)]
        features["action"] = {"dtype": "float32", "shape": [info.action_size], "names": names}
    kinds = {"next.reward": "float32", "next.done": "bool", "timestamp": "float32"}
    kinds |= dict.fromkeys(("frame_index", "episode_index", "index", "task_index"), "int64")
    return features | {name: {"dtype": kind, "shape": [1], "names": None} for name, kind in kinds.items()}


def _table(episode: Episode, number: int, first: int, fps: int) -> pa.Table:
    length = len(episode.image)
    steps = np.arange(length)
    columns: dict[str, Any] = {
        CAMERA: pa.array([{"bytes": _png(image), "path": None} for image in episode.image], _PICTURE)
    }
    for name, rows in (("observation.state", episode.factors), ("action", _taken(episode.action))):
        if rows.shape[1]:
            columns[name] = pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), rows.shape[1])
    columns |= {
        "next.reward": pa.array(_taken(episode.reward)),
        "next.done": pa.array(steps == length - 1),
        "timestamp": pa.array((steps / fps).astype(np.float32)),
        "frame_index": pa.array(steps),
        "episode_index": pa.array(np.full(length, number)),
        "index": pa.array(steps + first),
        "task_index": pa.array(np.zeros(length, np.int64)),
    }
    return pa.table(columns)


def _taken(led: NDArray[np.float32]) -> NDArray[np.float32]:
    """What led to each frame as what was done at each; zeros at the last."""
    return np.concatenate([led[1:], np.zeros_like(led[:1])])


def _png(image: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """A new folder that gets its name only once it is complete."""
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = aside_of(target)
    aside.mkdir()
    try:
        yield aside
        for file in aside.rglob("*"):
            if file.is_file():
                with file.open("rb") as written:
                    os.fsync(written.fileno())
        put_in_place(aside, target)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
