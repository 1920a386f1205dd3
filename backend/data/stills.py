"""A person's own still pictures as the base of a view: made 64x64 like films, kept under an id from their pixels.

At most MAX_KEPT uploads are kept; those unused for longest make room.
"""

import contextlib
import hashlib
import io
import os
import re
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from backend.data.containers import VideoError
from backend.data.decode import SIDE, Limits, Request
from backend.data.files import write_file
from backend.data.video import decode_in_child

FOLDER = "pictures"
MAX_KEPT = 500  # uploads: some 5 MB, 200 MB where each is of MAX_STILLS pictures
MAX_STILLS = 32  # of one upload: the last one is the base, those before it its history
MAX_BYTES = 32 * 2**20  # of one file
_KINDS = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpg"}
_REMEDY = "Choose a PNG or JPEG file."
_ID = re.compile(r"[0-9a-f]{32}")


def read_stills(files: Sequence[tuple[str, Path]]) -> NDArray[np.uint8]:
    """Pictures in the order of time as (T, 64, 64, 3): their centred squares, scaled.

    `files` are pairs of the name a user gave and the path of the bytes; they are decoded in a locked-down process.
    Raises VideoError, naming the file.
    """
    if not 1 <= len(files) <= MAX_STILLS:
        raise VideoError(
            "empty" if not files else "too_large", f"{len(files)} files, 1 to {MAX_STILLS} are taken", _REMEDY
        )
    kinds = [_kind(name, path) for name, path in files]
    with tempfile.TemporaryDirectory(prefix="diswm-stills-") as folder:
        archive, output = Path(folder) / "stills.zip", Path(folder) / "frames"
        with zipfile.ZipFile(archive, "w") as packed:
            for number, ((_, path), kind) in enumerate(zip(files, kinds, strict=True)):
                packed.write(path, f"{number:03d}.{kind}")
        try:
            decoded = decode_in_child(Request(str(archive), str(output), "frames", 1, Limits(seconds=30)))
            if decoded.frames < len(files):
                raise VideoError("damaged", "the picture is damaged", "Save it anew as PNG.")
        except VideoError as error:
            raise _blamed(files, error) from None
        return np.fromfile(output, np.uint8).reshape(len(files), SIDE, SIDE, 3)


def keep_stills(home: Path, image: NDArray[np.uint8]) -> tuple[str, bool]:
    """Keeps pictures (T, 64, 64, 3); their id, and whether they were here already. Raises OSError."""
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
    """Kept pictures (T, 64, 64, 3); None where there are none of this id."""
    path = home / FOLDER / f"{id}.png"
    if not _ID.fullmatch(id):
        return None
    try:
        with Image.open(path, formats=("PNG",)) as picture:
            image = np.array(picture.convert("RGB")).reshape(-1, SIDE, SIDE, 3)
    except FileNotFoundError:
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # used just now
    return image


def stills_id(image: NDArray[np.uint8]) -> str:
    """The id of pictures (T, 64, 64, 3): equal pixels have equal ids."""
    return hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()[:32]


def _kind(name: str, path: Path) -> str:
    """png or jpg by the first bytes; raises VideoError."""
    with path.open("rb") as file:
        head = file.read(16)
    kind = next((kind for magic, kind in _KINDS.items() if head.startswith(magic)), None)
    if kind is None:
        what = "the file is neither a PNG nor a JPEG picture" if head else "the file is empty"
        raise VideoError("not_a_picture", what, _REMEDY).about(name)
    if path.stat().st_size > MAX_BYTES:
        raise VideoError("too_large", f"the file has more than {MAX_BYTES >> 20} MiB", "Scale it down.").about(name)
    return kind


def _blamed(files: Sequence[tuple[str, Path]], error: VideoError) -> VideoError:
    """The error with the name of the first file that has one of its own."""
    if len(files) == 1:
        return error.about(files[0][0])
    for file in files:
        try:
            read_stills([file])
        except VideoError as own:
            return own
    return error


def _make_room(folder: Path) -> None:
    kept = sorted(folder.glob("[!.]*.png"), key=lambda path: path.stat().st_mtime_ns)
    for path in kept[:-MAX_KEPT]:
        path.unlink(missing_ok=True)
