"""Archives of published episodes, `.tar.xz` of `.npz`: read as a stream, never unpacked, in the decoding process."""

import io
import lzma
import tarfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO

import numpy as np

from backend.data.containers import VideoError, is_junk
from backend.data.decode.npz import MAX_MEMBER_BYTES, rehearse_npz, too_large, write_episodes
from backend.data.decode.sandbox import SIDE, Decoded, Request, close_files
from backend.data.episode import encode_episode, frames_only

MAX_MEMBERS = 100_000
PACK_AGAIN = "Pack a folder of npz episodes: tar -cJf episodes.tar.xz folder"


def decode_tar(source: IO[bytes], output: IO[bytes], request: Request) -> Decoded:
    """Check every episode of an archive and write it anew.

    Links, devices and names that lead out of the archive are refused, and so is the whole archive with them.
    """
    rehearse_npz()
    list(_members(io.BytesIO(_packed(encode_episode(frames_only(np.zeros((1, SIDE, SIDE, 3), np.uint8)))))))
    close_files()
    return write_episodes(_members(source), output, request)


def _members(source: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    """Name and content of all npz files, in the archive's order."""
    try:
        with tarfile.open(fileobj=source, mode="r|xz") as archive:
            for count, member in enumerate(archive):
                _check(member, count)
                if member.isfile() and member.name.endswith(".npz") and not is_junk(member.name):
                    file = archive.extractfile(member)
                    assert file is not None
                    yield member.name, file.read()
    except (tarfile.TarError, lzma.LZMAError, EOFError) as error:
        raise VideoError("damaged", f"the archive cannot be read ({error})", "Pack and upload it again.") from error


def _check(member: tarfile.TarInfo, count: int) -> None:
    shown = member.name[:80]
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name:
        raise VideoError("not_a_film", f"{shown!r} points out of the archive", PACK_AGAIN)
    if not (member.isfile() or member.isdir()):
        raise VideoError("not_a_film", f"{shown!r} is a link or a device", PACK_AGAIN)
    if member.size > MAX_MEMBER_BYTES:
        raise too_large()
    if count >= MAX_MEMBERS:
        raise VideoError("too_large", f"the archive has {MAX_MEMBERS:,} files or more", "Import it in parts.")


def _packed(content: bytes) -> bytes:
    """A small archive, read once before `close_files`, so that nothing is left that is loaded on first use."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz") as archive:
        member = tarfile.TarInfo("rehearsal.npz")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
