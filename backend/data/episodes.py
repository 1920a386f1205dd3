"""Data sets: folders of episodes, their content, and the location of each episode."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from backend.data.episode import (
    Episode,
    EpisodeError,
    Found,
    encode_episode,
    episode_of,
    frames_only,
    lengths_of,
    parse_episodes,
    read_episode,
    read_nth_of_file,
    write_episode,
)
from backend.data.files import write_file
from backend.data.places import Stamp, stamp_of

__all__ = [  # what is about one episode is handed on: scripts import both from here
    "DATASET",
    "KINDS",
    "REFERENCE",
    "DatasetInfo",
    "Episode",
    "EpisodeError",
    "Found",
    "Place",
    "encode_dataset_info",
    "encode_episode",
    "episode_of",
    "episode_paths",
    "episode_places",
    "frames_only",
    "lengths_of",
    "now",
    "parse_episodes",
    "read_dataset_info",
    "read_episode",
    "read_episodes",
    "read_nth_episode",
    "read_place",
    "write_dataset_info",
    "write_episode",
]

DATASET = "dataset.json"
REFERENCE = "reference.json"  # of a data set that is read in place: its path and format
MOST_DESCRIPTIONS = 16_384  # of data sets that are kept in memory
KINDS = ("collected", "clips", "published")


@dataclass(frozen=True)
class DatasetInfo:
    """The content of a data set; stored as dataset.json next to its episodes."""

    id: str
    name: str
    kind: str  # one of KINDS
    folder: Path
    environment: str | None
    episodes: int
    frames: int
    lengths: tuple[int, ...]  # frames of each episode
    action_size: int
    factor_names: tuple[str, ...]
    guessed_factors: bool  # no true factors: what is said about them later comes from image statistics
    created_at: str
    settings: dict[str, Any]
    warnings: tuple[str, ...]


def read_episodes(folder: Path) -> Iterator[Episode]:
    """All episodes of a data set in the order of their file names."""
    return (read_place(place) for place in episode_places(folder))


def read_nth_episode(folder: Path, n: int) -> Episode:
    """Episode n of a data set. Raises EpisodeError if there is none."""
    places = episode_places(folder)
    if not 0 <= n < len(places):
        raise EpisodeError(f"there is no episode {n}: the data set has {len(places)}")
    return read_place(places[n])


class Place(NamedTuple):
    """The location of an episode: its file, and the number in it."""

    path: Path
    number: int


def episode_places(folder: Path) -> list[Place]:
    """The episodes of a data set in order: one per file, except in folders without dataset.json.

    Raises EpisodeError.
    """
    paths = episode_paths(folder)
    if (folder / REFERENCE).is_file():
        return [Place(folder / REFERENCE, number) for number in range(read_dataset_info(folder).episodes)]
    if (folder / DATASET).is_file():
        return [Place(path, 0) for path in paths]
    return [Place(path, number) for path in paths for number in range(len(lengths_of(path, path.name)))]


def read_place(place: Place) -> Episode:
    """The episode at a location. Raises EpisodeError."""
    if place.path.name == REFERENCE:
        from backend.data.formats.reference import read_referenced

        return read_referenced(place.path, place.number)
    return read_nth_of_file(place.path, place.number)


def episode_paths(folder: Path) -> list[Path]:
    """The episodes' files in order."""
    return sorted(path for path in folder.glob("*.npz") if not path.name.startswith("."))


def encode_dataset_info(info: DatasetInfo) -> bytes:
    """The bytes of dataset.json, which makes a folder of episodes a data set."""
    return json.dumps({**asdict(info), "folder": None}, indent=1, allow_nan=False).encode()


def write_dataset_info(info: DatasetInfo) -> None:
    """Write dataset.json into the folder of a data set."""
    write_file(info.folder / DATASET, encode_dataset_info(info))


def read_dataset_info(folder: Path | str) -> DatasetInfo:
    """What a data set holds; a plain folder of episodes without dataset.json will do. Raises EpisodeError.

    Its description is read again only once the file has changed: lists hold thousands.
    """
    path = f"{folder}/{DATASET}"
    try:
        stamp = stamp_of(path)
    except (OSError, ValueError):
        return _describe_folder(Path(folder))
    try:
        return _described(str(folder), stamp)
    except (ValueError, OSError, TypeError) as error:
        raise EpisodeError(f"{path}: {error}") from error


@lru_cache(maxsize=MOST_DESCRIPTIONS)
def _described(folder: str, _: Stamp) -> DatasetInfo:
    values = json.loads(Path(folder, DATASET).read_bytes())
    known = {field.name for field in fields(DatasetInfo)}
    if not isinstance(values, dict) or set(values) != known:
        raise ValueError("does not describe a data set")
    lists = {key: tuple(values[key]) for key in ("lengths", "factor_names", "warnings")}
    return DatasetInfo(**(values | lists | {"folder": Path(folder)}))


def now() -> str:
    """The present time as ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _describe_folder(folder: Path) -> DatasetInfo:
    paths = episode_paths(folder)
    if not paths:
        raise EpisodeError(f"{folder}: no dataset.json and no .npz episodes in it")
    lengths = tuple(length for path in paths for length in lengths_of(path, path.name))
    first = read_episode(paths[0])
    created = datetime.fromtimestamp(max(path.stat().st_mtime for path in paths), UTC)
    return DatasetInfo(
        id=folder.resolve().name,
        name=folder.resolve().name,
        kind="published",
        folder=folder,
        environment=None,
        episodes=len(lengths),
        frames=sum(lengths),
        lengths=lengths,
        action_size=first.action.shape[1],
        factor_names=first.factor_names,
        guessed_factors=not first.factor_names,
        created_at=created.isoformat(timespec="seconds"),
        settings={},
        warnings=(),
    )
