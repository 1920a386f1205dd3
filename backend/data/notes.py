"""Tags and notes that people keep about runs, checkpoints, dimensions, data sets and episodes: one file per kind."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from backend.data.episodes import now
from backend.data.files import read_json, set_aside, write_json

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
    """Every note of a kind by the id of its thing; a damaged file is set aside. Raises OSError."""
    path = home / FOLDER / f"{kind}.json"
    stored = read_json(path)
    if stored is None:
        return {}
    try:
        return {
            id: Note(kind, id, tuple(item["tags"]), item["note"], item["written_at"]) for id, item in stored.items()
        }
    except (KeyError, TypeError, AttributeError):
        set_aside(path)
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
