"""A user's still pictures as the base of a view: resized to 64x64 like films, stored under an id made from their
pixels. At most MAX_UPLOADS uploads are stored; the least recently used are removed first.
"""

import contextlib
import hashlib
import io
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from backend.data.containers import VideoError, sniff
from backend.data.decode.client import decode_in_child
from backend.data.decode.sandbox import SIDE, Limits, Request
from backend.data.files import write_file

FOLDER = "pictures"
MAX_UPLOADS = 500  # uploads: some 5 MB, 200 MB where each is of MAX_STILLS pictures
MAX_STILLS = 32  # of one upload: the last one is the base, those before it its history
MAX_BYTES = 32 * 2**20  # of one file
_NO_PICTURE = "the file is neither a PNG nor a JPEG nor a WebP picture"
_REMEDY = "Choose a PNG, JPEG or WebP file."
_ID = re.compile(r"[0-9a-f]{32}")


class Stills(NamedTuple):
    """Pictures (T, 64, 64, 3), and how they were changed to 64x64."""

    image: NDArray[np.uint8]
    notes: tuple[str, ...]


def read_stills(files: Sequence[tuple[str, Path]]) -> Stills:
    """Pictures in the order of time: their centred squares, scaled.

    `files` are pairs of the name a user gave and the path of the bytes; they are decoded in a locked-down process.
    Raises VideoError, naming the file.
    """
    if not 1 <= len(files) <= MAX_STILLS:
        raise VideoError(
            "empty" if not files else "too_large", f"{len(files)} files, 1 to {MAX_STILLS} are taken", _REMEDY
        )
    for name, path in files:
        _check(name, path)
    with tempfile.TemporaryDirectory(prefix="diswm-stills-") as folder:
        output = Path(folder) / "frames"
        sources = tuple(str(path.resolve()) for _, path in files)
        try:
            decoded = decode_in_child(Request(sources, str(output), "picture", limits=Limits(seconds=30)))
            if decoded.frames < len(files):
                raise VideoError("damaged", "the picture is damaged", "Save it anew as PNG.")
        except VideoError as error:
            raise _blamed(files, error) from None
        image = np.fromfile(output, np.uint8).reshape(len(files), SIDE, SIDE, 3)
        return Stills(image, (*decoded.notes, *decoded.warnings))


def store_stills(home: Path, image: NDArray[np.uint8]) -> tuple[str, bool]:
    """Stores pictures (T, 64, 64, 3); returns their id, and whether they were stored before. Raises OSError."""
    id = stills_id(image)
    target = home / FOLDER / f"{id}.png"
    if target.is_file():
        os.utime(target)
        return id, True
    target.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    Image.fromarray(image.reshape(-1, SIDE, 3)).save(buffer, "PNG")
    write_file(target, buffer.getvalue())
    _make_room(target.parent)
    return id, False


def find_stills(home: Path, id: str) -> NDArray[np.uint8] | None:
    """Stored pictures (T, 64, 64, 3); None if there are none with this id."""
    path = home / FOLDER / f"{id}.png"
    if not _ID.fullmatch(id):
        return None
    try:
        with Image.open(path, formats=("PNG",)) as picture:
            image = np.array(picture.convert("RGB")).reshape(-1, SIDE, SIDE, 3)
    except FileNotFoundError:
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # marks it as used now
    return image


def remove_stills(home: Path, id: str) -> bool:
    """Delete stored pictures; False if there are none with this id. Raises OSError."""
    path = home / FOLDER / f"{id}.png"
    if not _ID.fullmatch(id) or not path.is_file():
        return False
    path.unlink(missing_ok=True)
    return True


def stills_id(image: NDArray[np.uint8]) -> str:
    """The id of pictures (T, 64, 64, 3): equal pixels have equal ids."""
    return hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()[:32]


def _check(name: str, path: Path) -> None:
    """Raises VideoError for what is no picture by its first bytes, or too large."""
    try:
        what = (
            None
            if sniff(path) in ("picture", "animation")
            else "the file is neither a PNG nor a JPEG nor a WebP picture"
        )
    except VideoError as error:
        what = error.message if error.code == "empty" else "the file is neither a PNG nor a JPEG nor a WebP picture"
    if what is not None:
        raise VideoError("not_a_picture", what, _REMEDY).about(name)
    if path.stat().st_size > MAX_BYTES:
        raise VideoError("too_large", f"the file has more than {MAX_BYTES >> 20} MiB", "Scale it down.").about(name)


def _blamed(files: Sequence[tuple[str, Path]], error: VideoError) -> VideoError:
    """The error, named after the first file that fails when read alone."""
    if len(files) == 1:
        return error.about(files[0][0])
    for file in files:
        try:
            read_stills([file])
        except VideoError as own:
            return own
    return error


def _make_room(folder: Path) -> None:
    stored = sorted(folder.glob("[!.]*.png"), key=lambda path: path.stat().st_mtime_ns)
    for path in stored[:-MAX_UPLOADS]:
        path.unlink(missing_ok=True)
