"""Data sets, imports and pictures."""

from typing import Any

from pydantic import Field

from backend.api.schemas.base import Body, View


class DatasetContents(View):
    """The contents of a data set, or those that an upload would have."""

    name: str
    kind: str
    environment: str | None
    episodes: int
    frames: int
    lengths: list[int] = Field(description="Frames of each episode.")
    action_size: int
    factor_names: list[str]
    guessed_factors: bool
    settings: dict[str, Any] = Field(
        description="How it was made: of an import what was kept, and found, in each file."
    )
    warnings: list[str]


class DatasetView(DatasetContents):
    """A data set."""

    id: str
    created_at: str


class DatasetBody(Body):
    """What of a data set can be changed."""

    name: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$")


class JoinBody(DatasetBody):
    """Data sets to join, and the name of the new one."""

    datasets: list[str] = Field(min_length=2, max_length=1_000, description="Ids or names.")


class ImportView(View):
    """An upload that is still being read."""

    id: str
    url: str = Field(description="Answers 202 until it is read, then with what it became.")


class ImportPreview(DatasetContents):
    """What an upload would become."""

    known_as: str | None = Field(description="The data set that the same upload made before.")
    sheet: str = Field(description="Frames of some episodes, one row each, as a data URI.")


class DatasetList(View):
    """Data sets, newest first."""

    items: list[DatasetView]
    next_cursor: str | None = None


class PictureView(View):
    """A picture of yours, or several in the order of time, as the base of views."""

    id: str
    url: str
    frames: int = Field(description="The last one is the base, those before it are its history.")
    notes: list[str] = Field(default=[], description="What was done to show them upright and in plain colours.")
