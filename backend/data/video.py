"""A user's own films, pictures and episodes as a data set; nothing of them is interpreted in this process."""

import hashlib
import io
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.data.containers import Container, VideoError, sniff
from backend.data.decode import Decoded, Limits, Request
from backend.data.episodes import DATASET, DatasetInfo, encode_episode, frames_only, now, parse_episode
from backend.data.files import Content, aside_of, write_folder

MIN_FRAMES = 16  # fewer make no episode
EPISODE_FRAMES = 64
_FRAME = (64, 64, 3)
PUBLISHED = ("episode", "archive")  # containers of episodes that keep their actions and factors

__all__ = ["EPISODE_FRAMES", "MIN_FRAMES", "Limits", "VideoError", "decode_in_child", "import_clips"]


@dataclass(frozen=True)
class _Source:
    """One decoded file: its frames, or its episode, lie at `path`."""

    name: str
    container: Container
    path: Path
    decoded: Decoded
    sha256: str


def import_clips(
    files: Sequence[tuple[str, Path]],
    target: Path,
    name: str,
    *,
    stride: int = 1,
    episode_frames: int = EPISODE_FRAMES,
    min_frames: int = MIN_FRAMES,
    limits: Limits | None = None,
    identity: str | None = None,
) -> DatasetInfo:
    """Make the data set `target` of films (or of npz episodes): whole or not at all.

    `files` are pairs of the name a user gave and the path of the bytes; only the bytes decide what a file is.
    Frames are cut to their centred square and scaled to 64x64; every `stride`-th one is kept and each file is
    split into episodes of `episode_frames`. A damaged film gives its good frames and a warning. `identity` is
    the data set's id (the folder's name if None).

    Raises VideoError (naming the file), FileExistsError where `target` exists, OSError.
    """
    if stride < 1 or not 1 <= min_frames <= episode_frames:
        raise ValueError("stride and min_frames must be at least 1, episode_frames at least min_frames")
    if not files:
        raise VideoError("empty", "there is no file to make a data set of", "Choose at least one film.")
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = aside_of(target.parent / "decoded")
    staging.mkdir()
    try:
        sources = []
        for index, (given, path) in enumerate(files):
            output = staging / f"{index:04d}"
            sources.append(_decode(_plain(given), path, output, stride, min_frames, limits or Limits()))
        _check_alike(sources)
        parts = [part for source in sources for part in _episodes(source, episode_frames, min_frames)]
        info = _describe(sources, parts, target, name)
        info = replace(info, settings={**info.settings, "stride": stride}, id=identity or target.name)
        contents: dict[str, Content] = {f"episode-{i:06d}.npz": part.write for i, part in enumerate(parts)}
        contents[DATASET] = json.dumps({**asdict(info), "folder": None}, indent=1).encode()
        write_folder(target, contents)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return info


@dataclass(frozen=True)
class _Part:
    """One episode to be: its length, and how to write it."""

    frames: int
    write: Callable[[Path], None]


def _decode(name: str, path: Path, output: Path, stride: int, min_frames: int, limits: Limits) -> _Source:
    try:
        container = sniff(path)
        decoded = decode_in_child(Request(str(path), str(output), container, stride, limits))
        if container not in PUBLISHED and decoded.frames < min_frames:
            raise _too_short(decoded, min_frames, stride)
    except VideoError as error:
        raise error.about(name) from error
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return _Source(name, container, output, decoded, sha256)


def decode_in_child(request: Request) -> Decoded:
    """Decode in a capped process; raises VideoError for everything that goes wrong there."""
    command = [sys.executable, "-I", "-m", "backend.data.decode"]
    try:
        done = subprocess.run(
            command,
            input=json.dumps(asdict(request)) + "\n",
            stdout=subprocess.PIPE,
            text=True,
            timeout=request.limits.seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _too_slow(request.limits) from None
    if done.returncode == -signal.SIGXCPU:
        raise _too_slow(request.limits)
    reply = _reply(done.stdout)
    if reply is None:
        message = f"the decoder gave up on it (exit status {done.returncode})"
        raise VideoError("damaged", message, "Encode it again as H.264 mp4, or scale it down.")
    if "error" in reply:
        raise VideoError(**reply["error"])
    return Decoded(**reply["decoded"])


def _too_slow(limits: Limits) -> VideoError:
    message = f"decoding takes longer than {limits.seconds:g} s"
    return VideoError("too_slow", message, "Cut the film or scale it down.")


def _reply(output: str) -> dict[str, Any] | None:
    try:
        reply: dict[str, Any] = json.loads(output.strip().rsplit("\n", 1)[-1])
    except ValueError:
        return None
    return reply


def _too_short(decoded: Decoded, min_frames: int, stride: int) -> VideoError:
    if decoded.frames == 0:
        remedy = "Check that a player shows it, or encode it again as H.264 mp4."
        return VideoError("damaged", "not one frame of it can be decoded", remedy)
    strided = f" with every {stride}th kept" if stride > 1 else ""
    lost = "".join(f"; {warning}" for warning in decoded.warnings)
    message = f"{decoded.frames} frames{strided} are too few; at least {min_frames} are needed{lost}"
    return VideoError("too_short", message, "Choose a longer film" + (" or a smaller stride." if strided else "."))


def _check_alike(sources: Sequence[_Source]) -> None:
    if len({source.container in PUBLISHED for source in sources}) > 1:
        message = "films and npz episodes cannot make one data set together"
        raise VideoError("mixed", message, "Import them one after the other, under two names.")


def _episodes(source: _Source, episode_frames: int, min_frames: int) -> Iterator[_Part]:
    """The episodes of one file; a rest too short for one of its own is left out."""
    if source.container == "episode":
        yield _Part(source.decoded.frames, partial(_copy, source.path))
        return
    if source.container == "archive":
        for start, size, frames in source.decoded.parts:
            yield _Part(frames, partial(_slice, source.path, start, size))
        return
    for start in range(0, source.decoded.frames, episode_frames):
        frames = min(episode_frames, source.decoded.frames - start)
        if frames >= min_frames:
            yield _Part(frames, partial(_cut, source.path, start, frames))


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)


def _slice(packed: Path, start: int, size: int, target: Path) -> None:
    target.write_bytes(_bytes_at(packed, start, size))


def _bytes_at(path: Path, start: int, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(size)


def _cut(raw: Path, start: int, frames: int, target: Path) -> None:
    size = _FRAME[0] * _FRAME[1] * _FRAME[2]
    image: NDArray[np.uint8] = np.fromfile(raw, np.uint8, count=frames * size, offset=start * size)
    target.write_bytes(encode_episode(frames_only(image.reshape(frames, *_FRAME))))


def _describe(sources: Sequence[_Source], parts: Sequence[_Part], target: Path, name: str) -> DatasetInfo:
    action_size, factor_names = 0, tuple[str, ...]()
    published = sources[0].container in PUBLISHED
    if published:
        shapes = {_published_shape(source) for source in sources}
        if len(shapes) > 1:
            message = "the episodes differ in their actions or factors"
            raise VideoError("mixed", message, "Import episodes of one environment at a time.")
        action_size, factor_names = shapes.pop()
    return DatasetInfo(
        id=target.name,
        name=name,
        kind="published" if published else "clips",
        folder=target,
        environment=None,
        episodes=len(parts),
        frames=sum(part.frames for part in parts),
        lengths=tuple(part.frames for part in parts),
        action_size=action_size,
        factor_names=factor_names,
        guessed_factors=not factor_names,
        created_at=now(),
        settings={"files": [_about(source) for source in sources]},
        warnings=tuple(f"{source.name}: {text}" for source in sources for text in source.decoded.warnings),
    )


def _published_shape(source: _Source) -> tuple[int, tuple[str, ...]]:
    start, size, _ = source.decoded.parts[0] if source.decoded.parts else (0, source.path.stat().st_size, 0)
    episode = parse_episode(io.BytesIO(_bytes_at(source.path, start, size)))  # written anew by the child
    return episode.action.shape[1], episode.factor_names


def _about(source: _Source) -> dict[str, Any]:
    values = asdict(source.decoded)
    del values["warnings"], values["parts"]
    return {"name": source.name, "sha256": source.sha256, **values}


def _plain(given: str) -> str:
    """A user's file name as it may be shown: no folders, no control characters, not endless."""
    base = PurePosixPath(given.replace("\\", "/")).name
    return "".join(c for c in base if c.isprintable())[:120] or "unnamed file"
