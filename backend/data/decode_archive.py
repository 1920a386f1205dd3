"""Archives of published episodes, `.tar.xz` of `.npz`: read as a stream, never unpacked, in the decoding process."""

import io
import lzma
import tarfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO

import numpy as np

from backend.data.containers import VideoError
from backend.data.decode import SIDE, Decoded, Request, close_doors
from backend.data.decode_frames import REMEDY
from backend.data.episodes import Episode, encode_episode, frames_only, parse_episode

MAX_MEMBERS = 100_000
MAX_MEMBER_BYTES = 512 * 2**20
PACK_AGAIN = "Pack a folder of npz episodes: tar -cJf episodes.tar.xz folder"


def decode_archive(source: IO[bytes], output: IO[bytes], request: Request) -> Decoded:
    """Checks every episode of an archive and writes them anew, one after the other; `parts` says where each lies.

    Links, devices and names that lead out of the archive are refused, and so is the whole archive with them.
    """
    rehearsal = b"".join(
        _members(io.BytesIO(_packed(encode_episode(frames_only(np.zeros((1, SIDE, SIDE, 3), np.uint8))))))
    )
    parse_episode(io.BytesIO(rehearsal))
    close_doors()
    found = Decoded(width=SIDE, height=SIDE, codec="episodes")
    shapes: set[tuple[int, tuple[str, ...]]] = set()
    for content in _members(source):
        episode = _parsed(content)
        shapes.add((episode.action.shape[1], episode.factor_names))
        if len(shapes) > 1:
            message = "the episodes of the archive differ in their actions or factors"
            raise VideoError("mixed", message, "Import episodes of one environment at a time.")
        if found.frames + len(episode.image) > request.limits.max_frames:
            found.warnings.append(
                f"only the first {found.frames:,} frames were taken; the limit is {request.limits.max_frames:,}"
            )
            break
        written = encode_episode(episode)
        found.parts.append((output.tell(), len(written), len(episode.image)))
        output.write(written)
        found.frames += len(episode.image)
    if not found.parts:
        raise VideoError("empty", "no npz episode of the archive fits", PACK_AGAIN)
    return found


def _members(source: IO[bytes]) -> Iterator[bytes]:
    """The contents of all npz files, in the archive's order."""
    try:
        with tarfile.open(fileobj=source, mode="r|xz") as archive:
            for count, member in enumerate(archive):
                _check(member, count)
                if member.isfile() and member.name.endswith(".npz"):
                    file = archive.extractfile(member)
                    assert file is not None
                    yield file.read()
    except (tarfile.TarError, lzma.LZMAError, EOFError) as error:
        raise VideoError("damaged", f"the archive cannot be read ({error})", "Pack and upload it again.") from error


def _check(member: tarfile.TarInfo, count: int) -> None:
    shown = member.name[:80]
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name:
        raise VideoError("not_a_film", f"{shown!r} points out of the archive", PACK_AGAIN)
    if not (member.isfile() or member.isdir()):
        raise VideoError("not_a_film", f"{shown!r} is a link or a device", PACK_AGAIN)
    if member.size > MAX_MEMBER_BYTES or count >= MAX_MEMBERS:
        message = f"the archive has {MAX_MEMBERS:,} files or more, or one of more than {MAX_MEMBER_BYTES:,} bytes"
        raise VideoError("too_large", message, "Import it in parts.")


def _parsed(content: bytes) -> Episode:
    try:
        return parse_episode(io.BytesIO(content))
    except ValueError as error:
        raise VideoError("episode", f"an episode of the archive cannot be read: {error}", REMEDY) from error


def _packed(content: bytes) -> bytes:
    """A small archive, read once before the doors close, so that nothing is left that is loaded on first use."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz") as archive:
        member = tarfile.TarInfo("rehearsal.npz")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
