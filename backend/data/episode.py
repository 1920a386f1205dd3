"""One episode and its file: the published `.npz` layout, plus the true factors of every frame."""

import io
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from backend.data.archive import ArchiveError, object_arrays, read_arrays, read_headers, safe_headers
from backend.data.arrays import BORDERS, KNOWN, PICTURES, Rows, rows_of, starts_of
from backend.data.decode.sandbox import Crop
from backend.data.files import write_file
from backend.data.masks import AgentMasks, pack_masks
from backend.data.second_look import SecondLooks
from backend.data.states import state_names
from backend.envs.protocol import Step


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
    agent: NDArray[np.bool_] | None = None  # (T, 64, 64): which pixels show the agent; None if unknown
    agent_part: NDArray[np.uint8] | None = None  # (T, 64, 64): which part of it, from 1; as `envs.parts` names them
    recoloured: NDArray[np.uint8] | None = None  # (T, 64, 64, 3): the same states in other colours; None if unknown
    nearness: NDArray[np.uint8] | None = None  # (T, 64, 64): see `envs.depth`
    flow: NDArray[np.float16] | None = None  # (T, 64, 64, 3): to the next frame, see `envs.flow`; the last is 0


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
    parts: Sequence[NDArray[np.uint8]] = (),
) -> Episode:
    """The episode of T steps, of the actions (A,) that led to them (zeros first) and of the factors' names.

    `parts`: which part of the agent each pixel shows, (64, 64) per picture; none if unknown.
    """
    second = [step.second for step in steps if step.second is not None]
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
        agent=np.stack(parts) > 0 if parts else None,
        agent_part=np.stack(parts) if parts else None,
        recoloured=np.stack([look.recoloured for look in second]) if second else None,
        nearness=np.stack([look.nearness for look in second]) if second else None,
    )


def write_episode(path: Path, episode: Episode) -> None:
    """Write an episode in one step: the file is complete or absent."""
    write_file(path, encode_episode(episode))


def encode_episode(episode: Episode) -> bytes:
    """The bytes of an episode's `.npz` file; the same episode gives the same bytes."""
    arrays = episode._asdict() | {"factor_names": np.array(episode.factor_names, np.str_)}
    arrays = {name: array for name, array in arrays.items() if array is not None}
    if episode.agent is not None:
        arrays["agent"] = pack_masks(episode.agent)
    lengths = {name: len(array) for name, array in arrays.items() if name != "factor_names"}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"the parts of an episode differ in length: {lengths}")
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def read_episode(path: Path) -> Episode:
    """Read a file as one episode; all but `image` may be missing. Raises EpisodeError.

    Published files may be laid out differently: see `arrays.rows_of`. Where a file holds several episodes, `is_first`
    says where each begins, and `read_episodes` gives them one by one.
    """
    rows, _ = _read_rows(path)
    return _episode(rows)


def read_nth_of_file(path: Path, n: int) -> Episode:
    """Episode n of a file that may hold several. Raises EpisodeError."""
    rows, _ = _read_rows(path)
    return _episode(rows) if n == 0 and len(rows.starts) == 1 else list(_split(rows))[n]


class Found(NamedTuple):
    """The episodes of one file, with notes and warnings about it."""

    episodes: tuple[Episode, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def parse_episodes(file: IO[bytes], crop: Crop = "centre") -> Found:
    """The episodes of an open `.npz`, one after the other; `crop` is for pictures not of 64x64. Raises ValueError."""
    rows, objects = _parse_rows(file, crop)
    notes = list(rows.notes)
    if len(rows.starts) > 1:
        notes.append(f"{len(rows.starts)} episodes were found in it, and taken apart")
    warnings = [f"the array `{name}` holds Python objects and was left out" for name in objects]
    return Found(tuple(_split(rows)), tuple(notes), tuple(warnings))


def lengths_of(source: Path | IO[bytes], name: str) -> list[int]:
    """The length of each episode in a file; its pictures are not read. Raises EpisodeError."""
    try:
        headers = read_headers(source, PICTURES)
        marks = read_arrays(source, BORDERS)
    except (ArchiveError, OSError) as error:
        raise EpisodeError(f"{name}: {error}") from error
    header = next((headers[name] for name in PICTURES if name in headers), None)
    if header is None or len(header[0]) != 4:
        raise EpisodeError(f"{name}: no pictures (an array `image` of (T, H, W, 3))")
    length = header[0][0]
    starts = starts_of(marks, length)
    return [end - start for start, end in pairwise((*starts, length))]


def _read_rows(path: Path) -> tuple[Rows, list[str]]:
    try:
        with path.open("rb") as file:
            return _parse_rows(file)
    except OSError as error:
        raise EpisodeError(f"{path.name}: {error.strerror or error}") from error
    except ValueError as error:
        raise EpisodeError(f"{path.name}: {error}") from error


def _parse_rows(file: IO[bytes], crop: Crop = "centre") -> tuple[Rows, list[str]]:
    """The arrays of a file, and the names of other arrays that hold Python objects."""
    headers = safe_headers(file)
    length = next((headers[name][0][0] for name in PICTURES if name in headers and headers[name][0]), 0)
    states = () if "factors" in headers else state_names(headers, KNOWN, length)
    wanted = KNOWN.union(states)
    return rows_of(read_arrays(file, wanted), crop, states), object_arrays(file, wanted)


def _episode(rows: Rows) -> Episode:
    values = dict(rows.rows)
    if "discount" in values:
        values.setdefault("is_terminal", values["discount"] == 0)
    return frames_only(rows.image)._replace(**values, factor_names=rows.factor_names, **_drawn(rows.masks, rows.second))


def _drawn(masks: AgentMasks, second: SecondLooks) -> dict[str, Any]:
    """What was drawn beside the pictures."""
    return masks._asdict() | second._asdict()


def _split(rows: Rows) -> Iterator[Episode]:
    """Each episode for itself: it begins where it begins, and no action led to its first frame."""
    whole = _episode(rows)
    if len(rows.starts) == 1:
        yield whole
        return
    for start, end in pairwise((*rows.starts, len(rows.image))):
        edges = np.arange(end - start)
        yield whole._replace(
            image=whole.image[start:end],
            action=np.where(edges[:, None] == 0, 0, whole.action[start:end]).astype(np.float32),
            reward=whole.reward[start:end],
            discount=whole.discount[start:end],
            is_first=edges == 0,
            is_last=edges == edges[-1],
            is_terminal=whole.is_terminal[start:end],
            factors=whole.factors[start:end],
            **_drawn(rows.masks.cut(start, end), rows.second.cut(start, end)),
        )
