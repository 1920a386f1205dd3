"""Tags and notes on runs, checkpoints, dimensions, data sets and episodes."""

from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Path

from backend.api.deps import Serving
from backend.api.schemas import NoteBody, NoteList, NoteView
from backend.data.notes import Note, read_notes, write_note

Kind = Literal["run", "checkpoint", "dimension", "dataset", "episode"]
Id = Annotated[str, Path(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f]+$")]

router = APIRouter(tags=["notes"])


@router.get("/notes/{kind}")
def list_notes(kind: Kind, serving: Serving) -> NoteList:
    """Every note of a kind, with the id of its subject."""
    return NoteList(items=[_view(note) for note in read_notes(serving.home, kind).values()])


@router.put("/notes/{kind}/{id:path}")
def put_note(kind: Kind, id: Id, body: NoteBody, serving: Serving) -> NoteView:
    """Store tags and a note about one thing, in place of the previous ones."""
    tags = list(dict.fromkeys(tag.strip() for tag in body.tags if tag.strip()))
    with serving.writing:
        return _view(write_note(serving.home, kind, id, tags, body.note.strip()))


def _view(note: Note) -> NoteView:
    return NoteView(**{**asdict(note), "tags": list(note.tags)})
