"""The gallery: views that people keep with a note, in the order in which they were kept."""

import uuid
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from backend.data.episodes import now
from backend.data.files import read_json, set_aside, write_json

FILE = "gallery.json"
MOST = 500


@dataclass(frozen=True)
class Piece:
    """A kept view: its kind, checkpoint and fields, what people call it, and the address that reopens it."""

    id: str
    kind: str
    checkpoint: str
    view: dict[str, Any]
    title: str
    note: str
    link: str
    written_at: str


class GalleryFull(Exception):
    """The gallery has MOST pieces already."""


def read_gallery(home: Path) -> list[Piece]:
    """Every piece, oldest first; a damaged file is set aside. Raises OSError."""
    stored = read_json(home / FILE)
    if stored is None:
        return []
    try:
        return [Piece(**item) for item in stored]
    except TypeError:
        set_aside(home / FILE)
        return []


def add_piece(home: Path, kind: str, checkpoint: str, view: dict[str, Any], title: str, note: str, link: str) -> Piece:
    """Keep a view. Hold a lock: the file is read, then replaced. Raises GalleryFull, OSError."""
    stored = read_gallery(home)
    if len(stored) >= MOST:
        raise GalleryFull
    piece = Piece(uuid.uuid4().hex[:12], kind, checkpoint, view, title, note, link, now())
    _write(home, [*stored, piece])
    return piece


def change_piece(home: Path, id: str, title: str, note: str) -> Piece | None:
    """Changes the text about a piece; None if there is none with this id."""
    stored = [replace(piece, title=title, note=note) if piece.id == id else piece for piece in read_gallery(home)]
    _write(home, stored)
    return next((piece for piece in stored if piece.id == id), None)


def remove_piece(home: Path, id: str) -> bool:
    """Take a piece out; whether it was there."""
    stored = read_gallery(home)
    rest = [piece for piece in stored if piece.id != id]
    if len(rest) < len(stored):
        _write(home, rest)
    return len(rest) < len(stored)


def _write(home: Path, pieces: list[Piece]) -> None:
    write_json(home / FILE, [asdict(piece) for piece in pieces])
