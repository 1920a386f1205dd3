"""Episodes and folders of them: the published `.npz` layout, plus the true factors of every frame."""

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from backend.data.archive import ArchiveError, Header, read_arrays, read_headers
from backend.data.files import write_file, write_json
from backend.data.masks import pack_masks, unpack_masks
from backend.envs.protocol import Step

DATASET = "dataset.json"
SIZE = 64
KINDS = ("collected", "clips", "published")


class EpisodeError(ValueError):
    """An episode or a data set cannot be read; the message names the file and says what is wrong."""


class Episode(NamedTuple):
    """T frames; `action[t]` led to `image[t]` (zeros at t = 0), `reward[t]` was received on arriving there."""

    image: NDArray[np.uint8]  # (T, 64, 64, 3)
    action: NDArray[np.float32]  # (T, A)
    reward: NDArray[np.float32]  # (T,)
    discount: NDArray[np.float32]  # (T,)
    is_first: NDArray[np.bool_]  # (T,)
    is_last: NDArray[np.bool_]  # (T,)
    is_terminal: NDArray[np.bool_]  # (T,)
    factors: NDArray[np.float32]  # (T, F)
    factor_names: tuple[str, ...]
    agent: NDArray[np.bool_] | None = None  # (T, 64, 64): which pixels show the agent; None where nobody knows


@dataclass(frozen=True)
class DatasetInfo:
    """What a data set holds; kept as dataset.json beside its episodes."""

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


def frames_only(image: NDArray[np.uint8]) -> Episode:
    """The episode of a plain video (T, 64, 64, 3): no actions, no rewards, no factors."""
    length = len(image)
    return Episode(
        image=image,
        action=np.zeros((length, 0), np.float32),
        reward=np.zeros(length, np.float32),
        discount=np.ones(length, np.float32),
        is_first=np.arange(length) == 0,
        is_last=np.arange(length) == length - 1,
        is_terminal=np.zeros(length, bool),
        factors=np.zeros((length, 0), np.float32),
        factor_names=(),
    )


def episode_of(
    steps: Sequence[Step],
    actions: Sequence[NDArray[np.float32]],
    names: tuple[str, ...],
    masks: Sequence[NDArray[np.bool_]] = (),
) -> Episode:
    """The episode of T steps, of the actions (A,) that led to them (zeros first) and of the factors' names.

    `masks`: where the agent is in each picture, (64, 64), or none where nobody knows.
    """
    return Episode(
        image=np.stack([step.image for step in steps]),
        action=np.stack(actions),
        reward=np.array([step.reward for step in steps], np.float32),
        discount=np.array([step.discount for step in steps], np.float32),
        is_first=np.array([step.is_first for step in steps]),
        is_last=np.array([step.is_last for step in steps]),
        is_terminal=np.array([step.is_terminal for step in steps]),
        factors=np.stack([step.factors for step in steps]),
        factor_names=names,
        agent=np.stack(masks) if masks else None,
    )


def write_episode(path: Path, episode: Episode) -> None:
    """Write an episode in one step: the file is whole or absent."""
    write_file(path, encode_episode(episode))


def encode_episode(episode: Episode) -> bytes:
    """The bytes of an episode's `.npz` file; the same episode gives the same bytes."""
    arrays = episode._asdict() | {"factor_names": np.array(episode.factor_names, np.str_)}
    masks = arrays.pop("agent")
    if masks is not None:
        arrays["agent"] = pack_masks(masks)
    lengths = {name: len(array) for name, array in arrays.items() if name != "factor_names"}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"the parts of an episode differ in length: {lengths}")
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def read_episode(path: Path) -> Episode:
    """Read an episode; all but `image` may be missing. Raises EpisodeError.

    Published files are met half-way: pictures may be channels first, rewards (T, 1) or float64, and actions
    and rewards may lack the row of the first frame.
    """
    try:
        with path.open("rb") as file:
            return parse_episode(file)
    except OSError as error:
        raise EpisodeError(f"{path.name}: {error.strerror or error}") from error
    except ValueError as error:
        raise EpisodeError(f"{path.name}: {error}") from error


def parse_episode(file: IO[bytes]) -> Episode:
    """`read_episode` of an open file. Raises ValueError."""
    return _episode(read_arrays(file))


def read_episodes(folder: Path) -> Iterator[Episode]:
    """All episodes of a data set in the order of their file names."""
    return (read_episode(path) for path in episode_paths(folder))


def read_nth_episode(folder: Path, n: int) -> Episode:
    """Episode n of a data set. Raises EpisodeError where there is none."""
    paths = episode_paths(folder)
    if not 0 <= n < len(paths):
        raise EpisodeError(f"there is no episode {n}: the data set has {len(paths)}")
    return read_episode(paths[n])


def episode_paths(folder: Path) -> list[Path]:
    """The episodes' files in order."""
    return sorted(path for path in folder.glob("*.npz") if not path.name.startswith("."))


def write_dataset_info(info: DatasetInfo) -> None:
    """Write dataset.json, which makes a folder of episodes a data set."""
    write_json(info.folder / DATASET, {**asdict(info), "folder": None})


def read_dataset_info(folder: Path) -> DatasetInfo:
    """What a data set holds; a plain folder of episodes without dataset.json will do. Raises EpisodeError."""
    path = folder / DATASET
    if not path.is_file():
        return _describe_plain(folder)
    try:
        values = json.loads(path.read_bytes())
        known = {field.name for field in fields(DatasetInfo)}
        if not isinstance(values, dict) or set(values) != known:
            raise ValueError("does not describe a data set")
        lists = {key: tuple(values[key]) for key in ("lengths", "factor_names", "warnings")}
    except (ValueError, OSError, TypeError) as error:
        raise EpisodeError(f"{path}: {error}") from error
    return DatasetInfo(**(values | lists | {"folder": folder}))


def now() -> str:
    """The present time as ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _describe_plain(folder: Path) -> DatasetInfo:
    paths = episode_paths(folder)
    if not paths:
        raise EpisodeError(f"{folder}: no dataset.json and no .npz episodes in it")
    headers = [_image_headers(path) for path in paths]
    lengths = tuple(header["image"][0][0] for header in headers)
    first = read_episode(paths[0])
    created = datetime.fromtimestamp(max(path.stat().st_mtime for path in paths), UTC)
    return DatasetInfo(
        id=folder.resolve().name,
        name=folder.resolve().name,
        kind="published",
        folder=folder,
        environment=None,
        episodes=len(paths),
        frames=sum(lengths),
        lengths=lengths,
        action_size=first.action.shape[1],
        factor_names=first.factor_names,
        guessed_factors=not first.factor_names,
        created_at=created.isoformat(timespec="seconds"),
        settings={},
        warnings=(),
    )


def _image_headers(path: Path) -> dict[str, Header]:
    try:
        headers = read_headers(path)
    except (ArchiveError, OSError) as error:
        raise EpisodeError(f"{path.name}: {error}") from error
    if "image" not in headers or len(headers["image"][0]) != 4:
        raise EpisodeError(f"{path.name}: no pictures (an array `image` of (T, {SIZE}, {SIZE}, 3))")
    return headers


def _episode(arrays: dict[str, NDArray[Any]]) -> Episode:
    if "image" not in arrays:
        raise ValueError(f"no array `image` in it, only {', '.join(sorted(arrays)) or 'nothing'}")
    plain = frames_only(_image(arrays["image"]))
    length = len(plain.image)
    rows = {name: _rows(name, arrays[name], length) for name in _ROWS if name in arrays}
    vectors = {name: value.reshape(length, -1) for name, value in rows.items() if name in ("action", "factors")}
    scalars = {name: _scalars(name, value) for name, value in rows.items() if name not in vectors}
    if "discount" in scalars:
        scalars.setdefault("is_terminal", scalars["discount"] == 0)
    names = tuple(str(name) for name in arrays.get("factor_names", ()))
    width = vectors["factors"].shape[1] if "factors" in vectors else 0
    if not names:
        names = tuple(f"factor {index}" for index in range(width))
    if len(names) != width:
        raise ValueError(f"{len(names)} factor names for {width} factors")
    agent = unpack_masks(arrays["agent"], (length,)) if "agent" in arrays else None
    return plain._replace(**vectors, **scalars, factor_names=names, agent=agent)


_ROWS: dict[str, type] = {
    "action": np.float32,
    "reward": np.float32,
    "discount": np.float32,
    "is_first": np.bool_,
    "is_last": np.bool_,
    "is_terminal": np.bool_,
    "factors": np.float32,
}


def _image(image: NDArray[Any]) -> NDArray[np.uint8]:
    if image.ndim == 4 and image.shape[1:] == (3, SIZE, SIZE):
        image = image.transpose(0, 2, 3, 1)
    if image.ndim != 4 or image.shape[1:] != (SIZE, SIZE, 3) or image.dtype != np.uint8:
        raise ValueError(f"`image` is {image.dtype} {image.shape}, expected uint8 (T, {SIZE}, {SIZE}, 3)")
    if len(image) == 0:
        raise ValueError("`image` has no frames")
    return np.ascontiguousarray(image)


def _rows(name: str, array: NDArray[Any], length: int) -> NDArray[Any]:
    """One row a frame, (T, ...); a missing first row is filled with zeros (ones for discounts)."""
    if array.ndim == 0 or len(array) not in (length, length - 1) or array.dtype.kind not in "fiub":
        raise ValueError(f"`{name}` is {array.dtype} {array.shape} for {length} frames")
    if len(array) == length - 1:
        first = np.full((1, *array.shape[1:]), 1 if name in ("discount", "is_first") else 0, array.dtype)
        array = np.concatenate([first, array])
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"`{name}` holds NaN or infinity")
    return array.astype(_ROWS[name])


def _scalars(name: str, array: NDArray[Any]) -> NDArray[Any]:
    if array.size != len(array):
        raise ValueError(f"`{name}` has the shape {array.shape}, expected one number a frame")
    return array.reshape(len(array))
