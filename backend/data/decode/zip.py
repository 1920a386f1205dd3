"""Zips: of pictures, a folder per clip, and of npz episodes; runs in the decoding process."""

import importlib
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import IO, TypeVar

from PIL import Image

from backend.data.containers import VideoError, is_junk, is_picture, natural
from backend.data.decode.npz import MAX_MEMBER_BYTES, rehearse_npz, too_large, write_episodes
from backend.data.decode.picture import Tones, is_wide, joined, open_picture, rehearse, square, tones_of
from backend.data.decode.sandbox import FRAME_BYTES, Decoded, Part, Request, close_files, full
from backend.data.decode.stills import DAMAGE, no_times, say_damaged, say_tones

_DAMAGE = (*DAMAGE, zipfile.BadZipFile)
_FEW = 16  # pictures; clips that are only recognised by names have at least this many
Result = TypeVar("Result")


def decode_zip(source: IO[bytes], output: IO[bytes], request: Request) -> Decoded:
    """Write the pictures of a zip in the order of their names, numbers by their value; each folder is a clip."""
    rehearse()
    _rehearse_zip()
    close_files()
    found = Decoded(codec="frames")
    no_times(request, found)
    damaged = 0
    with zipfile.ZipFile(source) as archive:
        clips = clips_of([entry.filename for entry in archive.infolist() if is_picture(entry.filename)])
        tones = _tones(archive, clips, request, found)
        for name, members in clips.items():
            begin = found.frames
            for member in members[:: request.options.stride]:
                if full(found, request.limits):
                    break
                content = _with(
                    archive, member, request, lambda picture: square(picture, request.options.crop, found, tones)
                )
                damaged += content is None
                if content is not None:
                    output.write(content)
                    found.frames += 1
            count = found.frames - begin
            if count:
                found.parts.append(
                    Part(name if len(clips) > 1 else "", begin * FRAME_BYTES, count * FRAME_BYTES, count)
                )
    say_damaged(damaged, found)
    return found


def decode_zip_of_npz(source: IO[bytes], output: IO[bytes], request: Request) -> Decoded:
    """Check every episode of a zip and write it anew."""
    rehearse_npz()
    _rehearse_zip()
    close_files()
    return write_episodes(_npz_members(source), output, request)


def clips_of(names: Sequence[str]) -> dict[str, list[str]]:
    """The clips that the names of pictures tell, each in order.

    A folder is a clip. A folder in which several names are numbered (`cat_001`, `dog_001`) is as many clips, and
    folders that hold one picture each are one clip together.
    """
    ordered = sorted(names, key=natural)
    folders = _grouped(ordered, lambda name: str(PurePosixPath(name).parent))
    if all(len(members) == 1 for members in folders.values()):
        return {"": ordered}
    clips: dict[str, list[str]] = {}
    for folder, members in folders.items():
        parts = _grouped(members, lambda name: _numbered(PurePosixPath(name).stem))
        told = len(parts) > 1 and len(parts) * _FEW <= len(members) and min(map(len, parts.values())) > 1
        clips |= {f"{folder}/{stem}": part for stem, part in parts.items()} if told else {folder: members}
    return clips


def _grouped(names: Sequence[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(key(name), []).append(name)
    return groups


def _numbered(stem: str) -> str:
    """The part of a name before the numbers at its end: `ep_0_step_12` -> `ep_0_step`."""
    return re.sub(r"[\d\W_]*$", "", stem)


def _tones(archive: zipfile.ZipFile, clips: dict[str, list[str]], request: Request, found: Decoded) -> Tones | None:
    """Black and white for grey of 16 bits, one for all clips; read only where a clip begins with such a picture."""
    tones: Tones | None = None
    for members in clips.values():
        if not _with(archive, members[0], request, is_wide):
            continue
        for member in members[:: request.options.stride]:
            read = _with(archive, member, request, lambda picture: tones_of(picture) if is_wide(picture) else None)
            tones = joined(tones, read)
    if tones is not None:
        say_tones(tones, found)
    return tones


def _with(
    archive: zipfile.ZipFile, member: str, request: Request, work: Callable[[Image.Image], Result]
) -> Result | None:
    """The result of `work` on a picture; None if the picture is damaged. Raises VideoError if it is too large."""
    try:
        with archive.open(member) as file:
            return work(open_picture(file, request.limits))
    except VideoError:
        raise
    except _DAMAGE:
        return None


def _npz_members(source: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    """Name and content of all npz files of a zip, in the order of their names."""
    with zipfile.ZipFile(source) as archive:
        names = [entry.filename for entry in archive.infolist() if not is_junk(entry.filename)]
        for name in sorted((name for name in names if name.lower().endswith(".npz")), key=natural):
            if archive.getinfo(name).file_size > MAX_MEMBER_BYTES:
                raise too_large()
            try:
                yield name, archive.read(name)
            except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
                raise VideoError("damaged", f"{name[:80]!r} cannot be read ({error})", "Pack the zip again.") from error


def _rehearse_zip() -> None:
    """Read a small zip, so that nothing is left that is loaded on first use."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", b"a")
    with zipfile.ZipFile(buffer) as archive:
        archive.read("a")
    importlib.import_module("encodings.cp437")  # for names in zips that are not marked as UTF-8
