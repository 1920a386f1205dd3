"""LeRobotDataset v2 and v3: numbers in Parquet files, pictures in films or among the numbers."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from backend.data.containers import VideoError
from backend.data.decode.film import load_late
from backend.data.formats import parquet
from backend.data.formats.columns import Column, ColumnReader, Roles, Stretch, is_state
from backend.data.formats.films import FilmColumn
from backend.data.formats.names import LEROBOT_V2 as V2
from backend.data.formats.names import LEROBOT_V3 as V3
from backend.data.formats.parquet import Table, column_of
from backend.data.formats.protocol import Family, Look, check_episodes, check_length, refused
from backend.data.formats.tree import Tree, join, read_bytes, read_json, under

_INFO = "meta/info.json"
_BOOKKEEPING = ("timestamp", "frame_index", "episode_index", "index", "task_index", "action")
_FIELD = re.compile(r"\{(\w+)(?::0?(\d)d)?\}")


class Place(NamedTuple):
    """The location of the numbers and the pictures of one episode."""

    frames: int
    table: str
    row: int  # in the table
    film: str
    second: float  # in the film


def roots(tree: Tree) -> list[str]:
    """The folders that hold meta/info.json."""
    return [name[: -len(_INFO)].rstrip("/") for name in tree.files if name == _INFO or name.endswith("/" + _INFO)]


def open_lerobot(tree: Tree, root: str, look: Look, format: str | None) -> ColumnReader:
    """The data set in a folder. Raises VideoError."""
    info = read_json(tree, join(root, _INFO))
    features = info.get("features")
    version = str(info.get("codebase_version"))
    if not isinstance(features, dict) or not all(isinstance(value, dict) for value in features.values()):
        raise refused("meta/info.json names no features")
    if not version.startswith(("v2", "v3")):
        raise refused(f"LeRobot {version[:20]} is not read, only v2 and v3", "Convert it with lerobot's own scripts.")
    found = V3 if version.startswith("v3") else V2
    if format not in (None, found):
        raise refused(f"it is {found}, not {format}", "Leave out the format.")
    camera = _camera(features, look)
    places = (_places_v3 if found == V3 else _places_v2)(tree, root, info, camera)
    numbers = [name for name, feature in features.items() if feature.get("dtype") not in ("video", "image", "string")]
    dataset = _Dataset(tree, root, info, camera, numbers, places, look)
    roles = _roles(dataset.stretch(0).columns, camera, features)
    look.said.warn("no frame counts as terminal: LeRobot does not tell the end of a task from a cut")
    look.said.note("the last action and reward of each episode lead to a frame that is not stored")
    return ColumnReader(found, [place.frames for place in places], dataset.stretch, roles, look)


class _Dataset(NamedTuple):
    tree: Tree
    root: str
    info: Mapping[str, Any]
    camera: str
    numbers: Sequence[str]
    places: Sequence[Place]
    look: Look

    def stretch(self, n: int) -> Stretch:
        """The columns of episode n, read from its row on."""
        place = self.places[n]
        in_film = self.info["features"][self.camera]["dtype"] == "video"
        names = [*self.numbers, *([] if in_film else [self.camera])]
        with self.tree.open(_present(self.tree, place.table)) as file:
            table = Table(file, place.table)
            if self.info["codebase_version"].startswith("v2") and table.rows != place.frames:
                raise refused(f"{place.table!r} has {table.rows:,} rows; the episode is said to have {place.frames:,}")
            read = table.read(names, place.row, place.row + place.frames)
        columns: dict[str, Column] = {}
        for name, values in read.items():
            column = column_of(values, name)
            if column is not None:
                columns[name] = column
        _check_index(columns, n, place)
        if in_film:
            columns[self.camera] = self._film(place)
        return Stretch(columns, 0, place.frames)

    def _film(self, place: Place) -> FilmColumn:
        rate = float(self.info["fps"])
        opened = partial(self.tree.open, _present(self.tree, place.film))
        return FilmColumn(opened, place.film, round(place.second * rate), place.frames, rate, self.look)


def _check_index(columns: Mapping[str, Column], n: int, place: Place) -> None:
    """Raises VideoError where the rows that were found are those of another episode."""
    if "frame_index" not in columns or "episode_index" not in columns:
        return
    frames = np.asarray(columns["frame_index"].rows(0, place.frames))
    episodes = np.asarray(columns["episode_index"].rows(0, place.frames))
    if len(set(episodes.tolist())) > 1 or not np.array_equal(frames, np.arange(place.frames)):
        raise refused(f"the rows of episode {n} are not where meta says they are")


def _roles(columns: Mapping[str, Column], camera: str, features: Mapping[str, Any]) -> Roles:
    states = [
        name
        for name, column in columns.items()
        if is_state(column)
        and name not in _BOOKKEEPING
        and not name.startswith(("next.", "action."))
        and name != camera
    ]
    rewards = [name for name in ("next.reward", "reward") if name in columns]
    return Roles(
        image=camera,
        action="action" if "action" in columns else None,
        reward=rewards[0] if rewards else None,
        factors=tuple(name for name in states if name not in rewards),
        names={name: _names(features[name].get("names")) for name in states},
    )


def _names(given: object) -> list[str]:
    """Names of the numbers of a feature: a list, or lists under the names of parts."""
    if isinstance(given, dict):
        return [name for part in given.values() for name in _names(part)]
    return [str(name) for name in given] if isinstance(given, list) else []


def _camera(features: Mapping[str, Any], look: Look) -> str:
    cameras = [name for name, feature in features.items() if feature.get("dtype") in ("video", "image")]
    if not cameras:
        raise refused("it has no camera, only numbers", "Record it again with a camera.")
    if len(cameras) > 1:
        look.said.warn(f"it has {len(cameras)} cameras; `{cameras[0]}` was taken")
    return cameras[0]


def _places_v2(tree: Tree, root: str, info: Mapping[str, Any], camera: str) -> list[Place]:
    places = []
    name = join(root, "meta/episodes.jsonl")
    try:
        episodes = [json.loads(line) for line in read_bytes(tree, name).splitlines() if line.strip()]
        for episode in episodes:
            index, frames = int(episode["episode_index"]), int(episode["length"])
            values = {"episode_index": index, "episode_chunk": index // int(info["chunks_size"]), "video_key": camera}
            table = join(root, _filled(str(info["data_path"]), values))
            film = join(root, _filled(str(info.get("video_path") or ""), values))
            check_length(frames, f"episode {index}")
            places.append(Place(frames, table, 0, film, 0.0))
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
        if isinstance(error, VideoError):
            raise
        raise refused(f"meta/episodes.jsonl or meta/info.json lacks what places the episodes ({error})") from error
    return places


def _places_v3(tree: Tree, root: str, info: Mapping[str, Any], camera: str) -> list[Place]:
    folder = join(root, "meta/episodes")
    rows: list[dict[str, Any]] = []
    film = [f"videos/{camera}/{name}" for name in ("chunk_index", "file_index", "from_timestamp")]
    wanted = ["episode_index", "length", "data/chunk_index", "data/file_index", "dataset_from_index"]
    if info["features"][camera]["dtype"] == "video":
        wanted += film
    for name in sorted(name for name in under(tree, folder) if name.endswith(".parquet")):
        with tree.open(name) as file:
            table = Table(file, name)
            check_episodes(len(rows) + table.rows, "meta/episodes")
            read = table.read(wanted)
        rows += [
            dict(zip(wanted, values, strict=True))
            for values in zip(*(read[key].to_pylist() for key in wanted), strict=True)
        ]
    if not rows:
        raise refused("meta/episodes holds no episodes")
    if any(value is None for row in rows for value in row.values()):
        raise refused("meta/episodes has rows without a value")
    rows.sort(key=lambda row: int(row["episode_index"]))
    begins: dict[tuple[int, int], int] = {}
    for row in rows:
        key = (row["data/chunk_index"], row["data/file_index"])
        begins[key] = min(begins.get(key, row["dataset_from_index"]), row["dataset_from_index"])
    return [_place_v3(root, info, camera, row, begins) for row in rows]


def _place_v3(
    root: str, info: Mapping[str, Any], camera: str, row: Mapping[str, Any], begins: Mapping[tuple[int, int], int]
) -> Place:
    key = (row["data/chunk_index"], row["data/file_index"])
    film = f"videos/{camera}"
    table = _filled(str(info.get("data_path")), {"chunk_index": key[0], "file_index": key[1]})
    values = {
        "video_key": camera,
        "chunk_index": row.get(f"{film}/chunk_index", 0),
        "file_index": row.get(f"{film}/file_index", 0),
    }
    path = join(root, _filled(str(info.get("video_path") or ""), values))
    check_length(row["length"], f"episode {row['episode_index']}")
    second = float(row.get(f"{film}/from_timestamp", 0.0))
    return Place(row["length"], join(root, table), row["dataset_from_index"] - begins[key], path, second)


def _filled(template: str, values: Mapping[str, object]) -> str:
    """A path template of info.json with its fields filled in; anything but plain fields stays as it is."""

    def fill(match: re.Match[str]) -> str:
        value = values.get(match[1])
        if value is None:
            return match[0]
        return str(value).zfill(int(match[2])) if match[2] else str(value)

    return _FIELD.sub(fill, template)


def _present(tree: Tree, name: str) -> str:
    if name not in tree.files:
        raise refused(f"{name[:120]!r} is missing", "Give the whole folder of the data set.")
    return name


def _rehearse() -> None:
    parquet.rehearse()
    load_late()


LEROBOT = Family((V2, V3), roots, _rehearse, open_lerobot)
