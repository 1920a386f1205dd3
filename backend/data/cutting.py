"""The episodes that decoded files give: clips are split, clips that are too short are left out and named."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backend.data.containers import PUBLISHED, Container
from backend.data.decode.sandbox import FRAME_BYTES, SIDE, Decoded, Part
from backend.data.episodes import encode_episode, frames_only, read_episode


@dataclass(frozen=True)
class Source:
    """One decoded file, or all loose pictures: its frames, or its episodes, lie at `path`."""

    name: str
    container: Container
    path: Path
    decoded: Decoded
    sha256: str


@dataclass(frozen=True)
class Cut:
    """One episode to be: its length, how to write it, how to see its frames (T, 64, 64, 3)."""

    frames: int
    write: Callable[[Path], None]
    look: Callable[[], NDArray[np.uint8]]


def episodes_of(source: Source, split: int, min_frames: int) -> tuple[list[Cut], list[str]]:
    """The episodes of one file, and warnings about clips that are too short for one."""
    parts = source.decoded.parts
    short = [part for part in parts if part.frames < min_frames]
    if source.container in PUBLISHED:
        told = [_say_short(short, parts, f"have fewer than {min_frames} frames: too short to be trained on")]
        return [_published(source.path, part) for part in parts], told if short and len(short) < len(parts) else []
    told = [_say_short(short, parts, f"were left out: fewer than {min_frames} frames")]
    found = [
        _of_frames(source.path, part, start, frames)
        for part in parts
        for start, frames in _stretches(part.frames, split, min_frames)
    ]
    return found, told if short else []


def _say_short(short: Sequence[Part], parts: Sequence[Part], what: str) -> str:
    names = ", ".join(part.name for part in short[:3] if part.name)
    shown = f" ({names}{', …' if len(short) > 3 else ''})" if names else ""
    kind = "clips" if names else "episodes"
    return f"{len(short)} of {len(parts)} {kind}{shown} {what}"


def _stretches(frames: int, split: int, min_frames: int) -> Iterator[tuple[int, int]]:
    """Start and length of the episodes of a clip; a rest too short for one of its own is left out."""
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
