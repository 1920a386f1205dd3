"""The gallery."""

from typing import Any

from pydantic import Field

from backend.api.schemas.base import Body, View


class PieceBody(Body):
    """A view to keep."""

    kind: str = Field(max_length=100, description="Kind of view, as `POST /exports` takes it.")
    checkpoint: str = Field(min_length=1, max_length=300)
    view: dict[str, Any] = Field(default={}, description="Its fields, as `POST /exports` takes them.")
    title: str = Field(min_length=1, max_length=200)
    note: str = Field(default="", max_length=4000)
    link: str = Field(default="", max_length=4000, description="Query of the page that shows it.")


class PieceWords(Body):
    """What people say about a piece."""

    title: str = Field(min_length=1, max_length=200)
    note: str = Field(default="", max_length=4000)


class PieceView(View):
    """A kept view."""

    id: str
    kind: str
    checkpoint: str
    view: dict[str, Any]
    title: str
    note: str
    link: str
    written_at: str


class PieceList(View):
    """The gallery, oldest first."""

    items: list[PieceView]
