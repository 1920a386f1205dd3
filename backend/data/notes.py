"""Tags and notes that people keep about runs, checkpoints, dimensions, data sets and episodes: one file a kind."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from backend.data.episodes import now
from backend.data.files import write_json

FOLDER = "notes"
KINDS = ("run", "checkpoint", "dimension", "dataset", "episode")


@dataclass(frozen=True)
class Note:
    """The tags and note about one thing. `id`: of a dimension `CHECKPOINT/7`, of an episode `DATASET/12`."""

    kind: str
    id: str
    tags: tuple[str, ...]
    note: str
    written_at: str


def read_notes(home: Path, kind: str) -> dict[str, Note]:
    """Every note of a kind by the id of its thing. Raises OSError; a damaged file counts as empty."""
    path = home / FOLDER / f"{kind}.json"
    if not path.is_file():
        return {}
    try:
        stored = json.loads(path.read_bytes())
        return {
            id: Note(kind, id, tuple(item["tags"]), item["note"], item["written_at"]) for id, item in stored.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def write_note(home: Path, kind: str, id: str, tags: Sequence[str], note: str) -> Note:
    """Keep tags and a note; neither takes them away. Hold a lock: the file is read, then replaced. Raises OSError."""
    stored = read_notes(home, kind)
    made = Note(kind, id, tuple(tags), note, now())
    stored.pop(id, None)
    if tags or note:
        stored[id] = made
    path = home / FOLDER / f"{kind}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {id: asdict(item) for id, item in stored.items()})
    return made
