"""Tags and notes."""

from typing import Annotated

from pydantic import Field, StringConstraints

from backend.api.schemas.base import Body, View

Tag = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f\x7f,]+$")]


class NoteBody(Body):
    """What to keep; no tags and an empty note take away what was kept."""

    tags: list[Tag] = Field(default=[], max_length=20)
    note: str = Field(default="", max_length=4000)


class NoteView(View):
    """Tags and note of one thing."""

    kind: str
    id: str = Field(description="Of the thing: of a dimension `CHECKPOINT/7`, of an episode `DATASET/12`.")
    tags: list[str]
    note: str
    written_at: str


class NoteList(View):
    """Every note of a kind."""

    items: list[NoteView]
