"""Zips of pictures, and `.npz` episodes; runs in the decoding process."""

import importlib
import io
import re
import warnings
import zipfile
import zlib
from typing import IO

import numpy as np
from PIL import Image

from backend.data.containers import VideoError
from backend.data.decode import SIDE, Decoded, Request, check_size, close_doors, crop_box
from backend.data.episodes import Episode, encode_episode, frames_only, parse_episode

REMEDY = "Keep uint8 pictures (T, 64, 64, 3) under `image` in it, and no Python objects."
FORMATS = ("PNG", "JPEG")


def decode_zip(source: IO[bytes], output: IO[bytes], request: Request) -> Decoded:
    """Write the pictures of a zip in the order of their names, numbers by their value."""
    _rehearse()
    close_doors()
    found = Decoded(codec="frames")
    damaged = 0
    with zipfile.ZipFile(source) as archive:
        entries = [entry for entry in archive.infolist() if _is_picture(entry.filename)]
        entries.sort(key=lambda entry: _natural(entry.filename))
        for entry in entries[:: request.stride]:
            if found.frames == request.limits.max_frames:
                found.warnings.append(f"only the first {request.limits.max_frames:,} frames were taken")
                break
            try:
                with archive.open(entry) as member:
                    output.write(_square(member, request, found))
                found.frames += 1
            except (OSError, zipfile.BadZipFile, zlib.error, EOFError, SyntaxError, RuntimeError):
                damaged += 1
    if damaged:
        found.warnings.append(f"{damaged} damaged pictures were left out")
    return found


def decode_episode(source: IO[bytes], output: IO[bytes], request: Request) -> Decoded:
    """Check an episode and write it anew, with all its parts, in the layout of `backend.data.episodes`."""
    parse_episode(io.BytesIO(encode_episode(frames_only(np.zeros((1, SIDE, SIDE, 3), np.uint8)))))
    close_doors()  # after a rehearsal, which has loaded all that is loaded on first use
    episode = _parsed(source)
    if len(episode.image) > request.limits.max_frames:
        message = f"the episode has {len(episode.image):,} frames; at most {request.limits.max_frames:,} are taken"
        raise VideoError("too_large", message, "Split it into shorter episodes.")
    output.write(encode_episode(episode))
    return Decoded(frames=len(episode.image), width=SIDE, height=SIDE, codec="episode")


def _parsed(source: IO[bytes]) -> Episode:
    try:
        return parse_episode(source)
    except ValueError as error:
        raise VideoError("episode", f"the episode cannot be read: {error}", REMEDY) from error


def _rehearse() -> None:
    """Read a zip with a picture of each format, so that nothing is left that is loaded on first use."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in FORMATS:
            picture = io.BytesIO()
            Image.new("RGB", (8, 8)).save(picture, name)
            archive.writestr(name, picture.getvalue())
    with zipfile.ZipFile(buffer) as archive:
        for name in FORMATS:
            with archive.open(name) as member, Image.open(member, formats=FORMATS) as picture_again:
                picture_again.convert("RGB").resize((4, 4), Image.Resampling.BOX)
    importlib.import_module("encodings.cp437")  # for names in zips that are not marked as UTF-8


def _square(member: IO[bytes], request: Request, found: Decoded) -> bytes:
    """Bytes of one picture as RGB of 64x64, its centre."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # sizes are checked here
        try:
            picture = Image.open(member, formats=FORMATS)
        except Image.DecompressionBombError:
            message = f"the picture has far too many pixels; at most {request.limits.max_pixels:,} are taken"
            raise VideoError("too_large", message, "Scale it down first.") from None
    check_size(*picture.size, request.limits)
    found.width, found.height = picture.size
    box = crop_box(*picture.size)
    small = picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX, box=box)
    return np.asarray(small, np.uint8).tobytes()


def _is_picture(name: str) -> bool:
    base = name.rsplit("/", 1)[-1]
    return base.lower().endswith((".png", ".jpg", ".jpeg")) and not base.startswith(".")


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """A sort key under which frame 10 follows frame 9."""
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", name)]
