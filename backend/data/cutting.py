"""Cuts decoded files into episodes: clips are split, and clips that are too short are left out with a warning."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backend.data.containers import PUBLISHED, Container
from backend.data.decode.sandbox import FRAME_BYTES, SIDE, Decoded, Part
from backend.data.episode import encode_episode, frames_only, read_episode


@dataclass(frozen=True)
class Source:
    """One decoded file, or all loose pictures: its frames or episodes are at `path`."""

    name: str
    container: Container
    path: Path
    decoded: Decoded
    sha256: str
    origin: str  # path of the original file or folder


@dataclass(frozen=True)
class Cut:
    """One episode before it is written: its length, how to write it, how to read its frames (T, 64, 64, 3)."""

    frames: int
    write: Callable[[Path], None]
    look: Callable[[], NDArray[np.uint8]]


def episodes_of(source: Source, split: int, min_frames: int) -> tuple[list[Cut], list[str]]:
    """The episodes of one file, and warnings about what is too short for one. Published ones are all kept."""
    parts = source.decoded.parts
    if source.container in PUBLISHED:
        return [_published(source.path, part) for part in parts], []
    short = [part for part in parts if part.frames < min_frames]
    found = [
        _of_frames(source.path, part, start, frames)
        for part in parts
        for start, frames in _stretches(part.frames, split, min_frames)
    ]
    said = [_say_short(short, parts, min_frames)] if short else []
    rests = [part.frames % split for part in parts if split and part.frames >= min_frames]
    if lost := [frames for frames in rests if 0 < frames < min_frames]:
        said.append(_say_lost(lost, parts, min_frames))
    return found, said


def say_broken_off(lengths: Sequence[int], min_frames: int) -> list[str]:
    """A warning where some of the published episodes are too short to be trained on."""
    short = sum(length < min_frames for length in lengths)
    if not 0 < short < len(lengths):
        return []
    have = "has" if short == 1 else "have"
    return [f"{short} of {len(lengths)} episodes {have} fewer than {min_frames} frames: too short to be trained on"]


def _say_short(short: Sequence[Part], parts: Sequence[Part], min_frames: int) -> str:
    why = f"left out: fewer than {min_frames} frames"
    if len(parts) == 1:
        return why
    names = ", ".join(part.name for part in short[:3])
    more = ", …" if len(short) > 3 else ""
    return f"{len(short)} of {len(parts)} clips ({names}{more}) {why}"


def _say_lost(lost: Sequence[int], parts: Sequence[Part], min_frames: int) -> str:
    """What splitting leaves at the ends of clips."""
    ends = f"the last {lost[0]} frames" if len(parts) == 1 else f"{sum(lost)} frames at the ends of {len(lost)} clips"
    return f"{ends} left out: fewer than {min_frames} after the split"


def _stretches(frames: int, split: int, min_frames: int) -> Iterator[tuple[int, int]]:
    """Start and length of the episodes of a clip; a remainder too short for an episode is left out."""
    length = split or frames
    for start in range(0, frames, max(length, 1)):
        if (rest := min(length, frames - start)) >= min_frames:
            yield start, rest


def _published(path: Path, part: Part) -> Cut:
    return Cut(part.frames, partial(_copy, path, part), partial(_look, path, part))


def _copy(packed: Path, part: Part, target: Path) -> None:
    with packed.open("rb") as file:
        file.seek(part.start)
        target.write_bytes(file.read(part.size))


def _look(packed: Path, part: Part) -> NDArray[np.uint8]:
    """The pictures of an episode that the decoding process wrote."""
    single = packed.with_name("looked-at")
    _copy(packed, part, single)
    return read_episode(single).image


def _of_frames(path: Path, part: Part, start: int, frames: int) -> Cut:
    read = partial(_frames, path, part.start + start * FRAME_BYTES, frames)
    return Cut(frames, lambda target: _write(read(), target), read)


def _frames(raw: Path, offset: int, frames: int) -> NDArray[np.uint8]:
    image: NDArray[np.uint8] = np.fromfile(raw, np.uint8, count=frames * FRAME_BYTES, offset=offset)
    return image.reshape(frames, SIDE, SIDE, 3)


def _write(image: NDArray[np.uint8], target: Path) -> None:
    target.write_bytes(encode_episode(frames_only(image)))
