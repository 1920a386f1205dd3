"""Names in a zip as packers on Macs and Windows write them: their additions are skipped, and folders are removed."""

from collections.abc import Iterable
from itertools import takewhile
from zipfile import ZipInfo

COMPANION_FOLDERS = frozenset({"__MACOSX", "@eaDir"})
COMPANIONS = frozenset({".DS_Store", ".localized", "Icon\r", ".directory", "Thumbs.db", "ehthumbs.db", "desktop.ini"})


def cleaned_name(entry: ZipInfo) -> str:
    """The name of an entry with `/` between its parts; some packers on Windows write a backslash."""
    return entry.filename.replace("\\", "/")


def is_companion(name: str) -> bool:
    """Whether a file was added by a desktop system and not by a person: Finder's companions, thumbnails, icons."""
    *folders, last = name.split("/")
    inside = any(folder in COMPANION_FOLDERS for folder in folders)
    return inside or last in COMPANIONS or last.startswith("._")


def files_of(entries: Iterable[ZipInfo]) -> list[tuple[str, ZipInfo]]:
    """The files that a person packed, by name; folders and companions are left out."""
    named = [(cleaned_name(entry), entry) for entry in entries]
    return [(name, entry) for name, entry in named if not name.endswith("/") and not is_companion(name)]


def common_folder(names: Iterable[str]) -> str:
    """The folders that contain all names, "a/b/" of "a/b/c" and "a/b/d/e"; "" if there is none."""
    folders = [name.split("/")[:-1] for name in names]
    shared = takewhile(lambda level: len(set(level)) == 1, zip(*folders, strict=False))
    return "".join(f"{level[0]}/" for level in shared)
