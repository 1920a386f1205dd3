"""The episodes of `foreign` as LeRobot writes them."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.foreign import Lived, jpeg, write_film

STATE_NAMES = ["arm", "wrist"]
CAMERA = "observation.images.top"
_DATA = {
    "v2.1": "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
    "v3.0": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
}
_FILM = {
    "v2.1": "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4",
    "v3.0": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
}


def write_lerobot(path: Path, episodes: list[Lived], version: str = "v3.0", *, film: bool = True) -> Path:
    """The last frame of each episode is not stored: each row is a step."""
    kind = {"dtype": "video" if film else "image", "shape": [64, 64, 3], "names": ["height", "width", "channel"]}
    features = {
        CAMERA: kind,
        "observation.state": {"dtype": "float32", "shape": [2], "names": STATE_NAMES},
        "action": {"dtype": "float32", "shape": [2], "names": STATE_NAMES},
        "next.reward": {"dtype": "float32", "shape": [1], "names": None},
        "episode_index": {"dtype": "int64", "shape": [1], "names": None},
        "frame_index": {"dtype": "int64", "shape": [1], "names": None},
    }
    info = {"codebase_version": version, "fps": 10, "chunks_size": 1000, "features": features}
    info |= {"data_path": _DATA[version], "video_path": _FILM[version], "total_episodes": len(episodes)}
    (path / "meta").mkdir(parents=True)
    (path / "meta" / "info.json").write_text(json.dumps(info))
    tables = [_lerobot_table(number, one, film) for number, one in enumerate(episodes)]
    (_write_v2 if version == "v2.1" else _write_v3)(path, episodes, tables, film)
    return path


def _lerobot_table(number: int, one: Lived, film: bool) -> pa.Table:
    rows = len(one.image) - 1
    columns = {
        "observation.state": pa.FixedSizeListArray.from_arrays(pa.array(one.state[:-1].reshape(-1)), 2),
        "action": pa.FixedSizeListArray.from_arrays(pa.array(one.action[1:].reshape(-1)), 2),
        "next.reward": pa.array(one.reward[1:]),
        "episode_index": pa.array(np.full(rows, number)),
        "frame_index": pa.array(np.arange(rows)),
    }
    if not film:
        columns[CAMERA] = pa.array([{"bytes": jpeg(image, "PNG"), "path": None} for image in one.image[:-1]])
    return pa.table(columns)


def _write_v2(path: Path, episodes: list[Lived], tables: list[pa.Table], film: bool) -> None:
    lines = [json.dumps({"episode_index": n, "length": table.num_rows}) for n, table in enumerate(tables)]
    (path / "meta" / "episodes.jsonl").write_text("\n".join(lines))
    (path / "data" / "chunk-000").mkdir(parents=True)
    for number, table in enumerate(tables):
        pq.write_table(table, path / "data" / "chunk-000" / f"episode_{number:06d}.parquet")
        if film:
            target = path / "videos" / "chunk-000" / CAMERA / f"episode_{number:06d}.mp4"
            write_film(target, episodes[number].image[:-1])


def _write_v3(path: Path, episodes: list[Lived], tables: list[pa.Table], film: bool) -> None:
    rows = np.array([table.num_rows for table in tables])
    begins = np.r_[0, rows.cumsum()[:-1]]
    zeros = np.zeros(len(rows), np.int64)
    listed = {
        "episode_index": np.arange(len(rows)),
        "length": rows,
        "data/chunk_index": zeros,
        "data/file_index": zeros,
        "dataset_from_index": begins,
        "dataset_to_index": rows.cumsum(),
    }
    if film:
        listed |= {f"videos/{CAMERA}/chunk_index": zeros, f"videos/{CAMERA}/file_index": zeros}
        listed |= {f"videos/{CAMERA}/from_timestamp": begins / 10, f"videos/{CAMERA}/to_timestamp": rows.cumsum() / 10}
        target = path / "videos" / CAMERA / "chunk-000" / "file-000.mp4"
        write_film(target, np.concatenate([one.image[:-1] for one in episodes]))
    for folder in ("data/chunk-000", "meta/episodes/chunk-000"):
        (path / folder).mkdir(parents=True)
    pq.write_table(pa.table(listed), path / "meta" / "episodes" / "chunk-000" / "file-000.parquet")
    pq.write_table(pa.concat_tables(tables), path / "data" / "chunk-000" / "file-000.parquet", row_group_size=3)
