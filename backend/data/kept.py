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
class Kept:
    """A file in the store of exports."""

    id: str
    file_name: str
    media_type: str
    bytes: int


def keep(home: Path, content: bytes, file_name: str, media_type: str) -> tuple[Kept, bool]:
    """Keeps a file, whole or not at all; also says whether it was here already. Raises OSError."""
    about = json.dumps([file_name, media_type, hashlib.sha256(content).hexdigest()])
    kept = Kept(hashlib.sha256(about.encode()).hexdigest()[:32], file_name, media_type, len(content))
    try:
        write_folder(home / FOLDER / kept.id, {CONTENT: content, ABOUT: json.dumps(asdict(kept)).encode()})
    except FileExistsError:
        return kept, True
    return kept, False


def find_kept(home: Path, id: str) -> tuple[Kept, Path] | None:
    """What is kept under an id, and where its content lies; None where there is nothing."""
    folder = home / FOLDER / id
    if not _ID.fullmatch(id) or not (folder / ABOUT).is_file():
        return None
    return Kept(**json.loads((folder / ABOUT).read_bytes())), folder / CONTENT


def forget_kept(home: Path, id: str) -> bool:
    """Deletes what is kept under an id; whether there was anything."""
    found = find_kept(home, id)
    if found is None:
        return False
    try:
        remove_folder(found[1].parent)
    except FileNotFoundError:
        return False
    return True
