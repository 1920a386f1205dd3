"""Data sets of other projects from a file or folder on this machine, as imported by `diswm import-data`."""

import difflib
import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from backend.data.clips import UserFile, import_clips
from backend.data.containers import FILM_SUFFIXES, FILMS, Container, VideoError, natural, sniff
from backend.data.decode.sandbox import Crop, Limits, Options
from backend.data.episodes import DatasetInfo, read_dataset_info
from backend.data.files import sha256
from backend.data.formats.names import FILMS as FILMS_FORMAT
from backend.data.formats.names import FORMATS, NPZ, PICTURES
from backend.data.formats.registry import FAMILIES
from backend.data.formats.tree import FolderTree

LIMITS = Limits(seconds=12 * 3600.0, max_frames=1_000_000, max_copied=2**30)
_OF_CONTAINERS: Mapping[Container, str] = {
    "episode": NPZ,
    "episodes": NPZ,
    "archive": NPZ,
    "frames": PICTURES,
    "picture": PICTURES,
    **dict.fromkeys(FILMS, FILMS_FORMAT),
}


def import_data(
    path: Path,
    home: Path,
    name: str,
    *,
    format: str | None = None,
    crop: Crop = "centre",
    split: int = 0,
    limits: Limits = LIMITS,
) -> DatasetInfo:
    """The data set of a file or folder, in `home/datasets`; the existing one if it was imported before.

    A data set that is large (`Limits.max_copied`) is read where it lies, anything else is converted episode by episode
    in a limited process. split: frames of an episode that films are cut into; 0: a film is one. Raises VideoError,
    OSError.
    """
    if not path.exists():
        raise VideoError("missing", f"{path} is not there", "Name a file or folder of this machine.")
    check_format(format)
    clips = _clips(path, format, limits)
    options = Options(crop=crop, split=split, format=format)
    digest = _digest([name, str(format), crop, str(split), *(clip.sha256 for clip in clips)])
    target = home / "datasets" / f"data-{digest[:16]}"
    if not target.exists():
        try:
            return import_clips(clips, target, name, options=options, limits=limits)
        except FileExistsError:
            pass  # another process made it meanwhile
    return read_dataset_info(target)


def check_format(format: str | None) -> None:
    """Raises VideoError for a format that is not read."""
    if format is not None and format not in FORMATS:
        near = difflib.get_close_matches(format, FORMATS, 1)
        hint = f"Did you mean {near[0]}?" if near else f"There is {', '.join(FORMATS)}."
        raise VideoError("format", f"there is no format {format[:40]!r}", hint)


def format_of(info: DatasetInfo) -> str:
    """The format that a data set was recognised as."""
    if info.kind == "published":
        return str(info.settings.get("format", NPZ))
    loose = all(file["codec"] in ("frames", "pictures") for file in info.settings["files"])
    return PICTURES if loose else FILMS_FORMAT


def _clips(path: Path, format: str | None, limits: Limits) -> list[UserFile]:
    """A file, a folder as a whole, or each film of a folder that holds nothing else that is read. Raises VideoError."""
    if path.is_dir():
        tree = FolderTree(path)
        films = [name for name in tree.files if name.lower().endswith(FILM_SUFFIXES)]
        if films and format in (None, FILMS_FORMAT) and not any(family.roots(tree) for family in FAMILIES):
            return [UserFile(name, path / name, sha256(path / name)) for name in sorted(films, key=natural)]
        return [UserFile(tree.name, path, _folder_digest(path, tree, limits))]
    held = _OF_CONTAINERS.get(sniff(path))
    if format is not None and held is not None and held != format:
        raise VideoError("format", f"{path.name} holds {held}, not {format}", f"Leave out the format, or say {held}.")
    size = path.stat().st_size
    return [UserFile(path.name, path, _digest([_told(path, path.name, size, size > _most(limits))]))]


def _folder_digest(path: Path, tree: FolderTree, limits: Limits) -> str:
    """A hash of all files: of their bytes, of a large folder of their sizes and times."""
    large = sum(tree.files.values()) > _most(limits)
    return _digest([_told(path / name, name, size, large) for name, size in tree.files.items()])


def _told(path: Path, name: str, size: int, large: bool) -> str:
    return f"{name}\0{size}\0{path.stat().st_mtime_ns if large else sha256(path)}"


def _most(limits: Limits) -> float:
    return math.inf if limits.max_copied is None else limits.max_copied


def _digest(texts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()
