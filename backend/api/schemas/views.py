"""Bodies and answers about views: rollouts by hand, exports, opened files."""

from typing import Any

from pydantic import Field

from backend.api.schemas.base import Body, View
from backend.views.catalogue import EXPORT_KINDS


class RolloutBody(Body):
    """A rollout with actions given by hand."""

    actions: list[list[float]] = Field(min_length=1, max_length=500, description="A row an imagined step.")
    view: dict[str, Any] = Field(default={}, description="The same fields as the query of the rollout.")


class ExportBody(Body):
    """A file to be made and kept."""

    checkpoint: str = Field(max_length=200)
    kind: str = Field("traversal", max_length=20, json_schema_extra={"enum": list(EXPORT_KINDS)})
    format: str = Field("gif", max_length=10)
    view: dict[str, Any] = Field(default={}, description="The same fields as the query of the view.")


class ExportView(View):
    """A file that was made; equal requests give the same one."""

    id: str
    url: str
    file_name: str
    media_type: str
    etag: str
    bytes: int
    warning: str = ""  # what is not in the file as it was asked for, such as letters that no font here draws


class OpenedView(View):
    """What a file says of the view that it was made from."""

    kind: str = Field(
        description="One of the kinds that exports name, `returns`: a figure of `diswm compare`, or `play`."
    )
    checkpoint: str = Field(description="Empty for a figure of several runs.")
    found: str | None = Field(description="The checkpoint's id, where it is here; empty for a figure of several runs.")
    view: dict[str, Any] = Field(description="The fields of the view's query.")
