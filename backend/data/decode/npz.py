"""Published episodes, `.npz`: checked and written anew, split where one ends; runs in the decoding process."""

import io
from collections.abc import Iterable
from typing import IO

import numpy as np

from backend.data.containers import VideoError
from backend.data.decode.sandbox import SIDE, Decoded, Part, Request, close_files
from backend.data.episode import Found, encode_episode, frames_only, parse_episodes

REMEDY = "Keep uint8 pictures (T, H, W, 3) under `image` in it, and numbers without NaN."
MAX_MEMBER_BYTES = 512 * 2**20  # of one npz inside an archive


def decode_npz(source: IO[bytes], output: IO[bytes], request: Request) -> Decoded:
    """Check the episodes of a file and rewrite them, with all their parts, in the layout of this program."""
    rehearse_npz()
    close_files()
    found = Decoded(width=SIDE, height=SIDE, codec="episode")
    parsed = _parsed(source, "the episode", request)
    frames = sum(len(episode.image) for episode in parsed.episodes)
    if frames > request.limits.max_frames:
        message = f"the episode has {frames:,} frames; at most {request.limits.max_frames:,} are taken"
        raise VideoError("too_large", message, "Split it into shorter episodes.")
    _write(parsed, output, found)
    return found


def write_episodes(members: Iterable[tuple[str, bytes]], output: IO[bytes], request: Request) -> Decoded:
    """Check the npz files of an archive and write them anew; they must agree in their actions and factors."""
    found = Decoded(width=SIDE, height=SIDE, codec="episodes")
    shapes: set[tuple[int, tuple[str, ...]]] = set()
    for _, content in members:
        parsed = _parsed(io.BytesIO(content), "an episode of the archive", request)
        shapes |= {(episode.action.shape[1], episode.factor_names) for episode in parsed.episodes}
        if len(shapes) > 1:
            message = "the episodes of the archive differ in their actions or factors"
            raise VideoError("mixed", message, "Import episodes of one environment at a time.")
        if found.frames + sum(len(episode.image) for episode in parsed.episodes) > request.limits.max_frames:
            found.warn(f"only the first {found.frames:,} frames were taken; the limit is {request.limits.max_frames:,}")
            break
        _write(parsed, output, found)
    if not found.parts:
        remedy = "Pack a folder of npz episodes: tar -cJf episodes.tar.xz folder"
        raise VideoError("empty", "no npz episode of the archive fits", remedy)
    return found


def too_large() -> VideoError:
    """The refusal of an archive whose files are too large."""
    message = f"the archive has a file of more than {MAX_MEMBER_BYTES:,} bytes"
    return VideoError("too_large", message, "Import it in parts.")


def rehearse_npz() -> None:
    """Read an episode, so that nothing is left that is loaded on first use."""
    parse_episodes(io.BytesIO(encode_episode(frames_only(np.zeros((1, SIDE, SIDE, 3), np.uint8)))))


def _parsed(source: IO[bytes], what: str, request: Request) -> Found:
    try:
        return parse_episodes(source, request.options.crop)
    except VideoError:
        raise
    except ValueError as error:
        raise VideoError("episode", f"{what} cannot be read: {error}", REMEDY) from error


def _write(parsed: Found, output: IO[bytes], found: Decoded) -> None:
    for text in parsed.warnings:
        found.warn(text)
    for text in parsed.notes:
        found.note(text)
    for episode in parsed.episodes:
        written = encode_episode(episode)
        found.action_size, found.factor_names = episode.action.shape[1], episode.factor_names
        found.parts.append(Part("", output.tell(), len(written), len(episode.image)))
        found.frames += len(episode.image)
        output.write(written)
