"""Exported files, kept under a name derived from their content."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from backend.data.files import remove_folder, write_folder

FOLDER, CONTENT, ABOUT = "exports", "content", "about.json"
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class StoredExport:
    """A file in the store of exports."""

    id: str
    file_name: str
    media_type: str
    bytes: int


def store_export(home: Path, content: bytes, file_name: str, media_type: str) -> tuple[StoredExport, bool]:
    """Stores a file, completely or not at all; also returns whether it existed already. Raises OSError."""
    about = json.dumps([file_name, media_type, hashlib.sha256(content).hexdigest()])
    stored = StoredExport(hashlib.sha256(about.encode()).hexdigest()[:32], file_name, media_type, len(content))
    try:
        write_folder(home / FOLDER / stored.id, {CONTENT: content, ABOUT: json.dumps(asdict(stored)).encode()})
    except FileExistsError:
        return stored, True
    return stored, False


def find_export(home: Path, id: str) -> tuple[StoredExport, Path] | None:
    """The entry stored under an id, and the path of its content; None if there is none."""
    folder = home / FOLDER / id
    if not _ID.fullmatch(id) or not (folder / ABOUT).is_file():
        return None
    return StoredExport(**json.loads((folder / ABOUT).read_bytes())), folder / CONTENT


def remove_export(home: Path, id: str) -> bool:
    """Deletes what is kept under an id; whether there was anything."""
    found = find_export(home, id)
    if found is None:
        return False
    try:
        remove_folder(found[1].parent)
    except FileNotFoundError:
        return False
    return True
