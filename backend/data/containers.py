"""Tells what an uploaded file is, from its first bytes and never from its name."""

import re
import zipfile
from pathlib import Path, PurePosixPath
from typing import Literal

from backend.data.archive import UNREADABLE_ZIP

Container = Literal[
    "mp4",
    "matroska",
    "avi",
    "gif",
    "animation",
    "picture",
    "frames",
    "episode",
    "episodes",
    "archive",
    "dataset",
    "folder",
]

DATASETS: tuple[Container, ...] = ("dataset", "folder")  # data sets of other projects, see `formats`
PUBLISHED: tuple[Container, ...] = ("episode", "episodes", "archive", *DATASETS)  # with actions and factors
FILMS: tuple[Container, ...] = ("mp4", "matroska", "avi", "gif", "animation")  # with times
ACCEPTED = (
    "mp4, mov, m4v, webm, mkv, avi or gif films, animated webp or png, png, jpeg or webp pictures or a zip of them, "
    "npz episodes, or a zip or tar.xz of those, or data sets of other projects (HDF5, or a zip of their folder)"
)
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
FILM_SUFFIXES = (".mp4", ".mov", ".m4v", ".webm", ".mkv", ".avi", ".gif")
MAX_MEMBERS = 100_000  # files in a zip
_QUICKTIME = (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip")
_PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"<?xml", b"<MPD", b"[playlist]")
_HDF5 = b"\x89HDF\r\n\x1a\n"
_DATASET_FILES = ("meta/info.json", ".zgroup", "zarr.json", "ep_len.npz", "features.json")
_DATASET_SUFFIXES = (".h5", ".hdf5", ".hdf", ".he5", ".arrow", ".tfrecord")
_PNG = b"\x89PNG\r\n\x1a\n"


class VideoError(ValueError):
    """A file that cannot become a data set: `code` for machines, a sentence for people, and what to do about it."""

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.remedy = remedy

    def about(self, file: str) -> "VideoError":
        """The same error, with the file's name in front."""
        return VideoError(self.code, f"{file}: {self.message}", self.remedy)


def sniff(path: Path) -> Container:
    """The container of a file by its magic bytes, or a folder; raises VideoError for anything that cannot be read."""
    if path.is_dir():
        return "folder"
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        raise VideoError("empty", "the file is empty", f"Upload {ACCEPTED}.")
    film = film_of(head) or _picture(head)
    if film is not None:
        return film
    if head.startswith(_HDF5):
        return "dataset"
    if head.startswith(b"\xfd7zXZ\x00"):
        return "archive"
    if head.startswith(b"PK\x03\x04"):
        return _zip_content(path)
    if head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(_PLAYLISTS):
        message = "the file is a playlist, which names other files; those are never opened"
        raise VideoError("playlist", message, f"Upload the films themselves: {ACCEPTED}.")
    what = "the file is text, not a film" if _is_text(head) else "the file is of no kind that is read here"
    raise VideoError("not_a_film", what, f"Upload {ACCEPTED}.")


def is_junk(name: str) -> bool:
    """Whether a file in an archive was put there by an operating system, such as `__MACOSX/._a` or `Thumbs.db`."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts:
        return True
    hidden = any(part == "__MACOSX" or (part.startswith(".") and part not in (".", "..")) for part in parts)
    return hidden or parts[-1].lower() in ("thumbs.db", "desktop.ini")


def is_dataset_file(name: str) -> bool:
    """Whether a file is one by which data sets of other projects are known, by its name."""
    name = name.replace("\\", "/")
    marked = any(name == mark or name.endswith(f"/{mark}") for mark in _DATASET_FILES)
    return marked or ((name.lower().endswith(_DATASET_SUFFIXES) or ".tfrecord-" in name) and not is_junk(name))


def is_picture(name: str) -> bool:
    """Whether a file in an archive is a picture, by its name."""
    return name.lower().endswith(PICTURE_SUFFIXES) and not is_junk(name)


def natural(name: str) -> list[tuple[bool, int, str]]:
    """A sort key under which frame 10 follows frame 9."""
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in re.split(r"(\d+)", name)]


def film_of(head: bytes) -> Container | None:
    """The container of a film by the first bytes of the file."""
    if head[4:8] in _QUICKTIME:
        return "mp4"
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "matroska"
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return "avi"
    return "gif" if head[:6] in (b"GIF87a", b"GIF89a") else None


def _picture(head: bytes) -> Container | None:
    """A picture, or an animation where the head of a png or webp says so."""
    if head.startswith(_PNG):
        return "animation" if b"acTL" in head.partition(b"IDAT")[0] else "picture"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "animation" if head[12:16] == b"VP8X" and head[20] & 0x02 else "picture"
    return "picture" if head.startswith(b"\xff\xd8\xff") else None


def _zip_content(path: Path) -> Container:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [entry.filename for entry in archive.infolist() if not entry.filename.endswith("/")]
    except UNREADABLE_ZIP as error:
        raise VideoError("damaged", f"the zip cannot be read ({error})", "Pack and upload it again.") from error
    if len(names) > MAX_MEMBERS:
        message = f"the zip has {len(names):,} files; at most {MAX_MEMBERS:,} are read"
        raise VideoError("too_large", message, "Upload it in parts.")
    if any(is_dataset_file(name) for name in names):
        return "dataset"
    names = [name for name in names if not is_junk(name)]
    if names and all(name.endswith(".npy") for name in names):
        return "episode"
    if any(is_picture(name) for name in names):
        return "frames"
    if any(name.lower().endswith(".npz") for name in names):
        return "episodes"
    message = "the zip holds neither png, jpeg or webp frames nor arrays"
    if any(name.lower().endswith(FILM_SUFFIXES) for name in names):
        message = "the zip holds films, which are not read from inside of a zip"
    raise VideoError("not_a_film", message, f"Upload {ACCEPTED}; several files can be sent together.")


def _is_text(head: bytes) -> bool:
    return all(byte >= 32 or byte in b"\t\n\r\f\x1b" for byte in head)
