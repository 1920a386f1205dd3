"""Lists in pages: the cursor is the id of the last item seen, so that nothing is skipped or shown twice."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import Query

from backend.http.problems import invalid
from backend.interpret.fields import Whole

MAX_ITEMS = 200

Limit = Annotated[Whole, Query(ge=1, le=MAX_ITEMS, description="Items of a page.")]
Cursor = Annotated[str | None, Query(max_length=400, description="`next_cursor` of the page before.")]

Search = Annotated[
    str, Query(max_length=200, pattern=r"^[^\x00]*$", description="Words that all stand in its name, id or kind.")
]

Several = Annotated[
    str, Query(max_length=200, pattern=r"^[^\x00]*$", description="One, or several with commas between.")
]

Item = TypeVar("Item")


def several(text: str) -> list[str]:
    """The values of a filter: `a,b` -> [a, b]; an empty filter keeps everything."""
    return [part for part in text.split(",") if part]


def page(
    items: Sequence[Item], limit: int, cursor: str | None, id_of: Callable[[Item], str]
) -> tuple[list[Item], str | None]:
    """Items after the cursor, and the cursor of the next page or None; raises Problem for an invalid cursor."""
    start = 0
    if cursor is not None:
        last = _decode(cursor)
        start = next((number for number, item in enumerate(items, 1) if id_of(item) == last), 0)
        if not start:
            raise invalid(
                "query:cursor",
                "this cursor is unknown, or what it named is gone",
                remedy="Start again without a cursor.",
            )
    shown = list(items[start : start + limit])
    more = start + limit < len(items)
    return shown, _encode(id_of(shown[-1])) if more else None


def _encode(id: str) -> str:
    return base64.urlsafe_b64encode(id.encode()).decode().rstrip("=")


def _decode(cursor: str) -> str | None:
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, ValueError):
        return None
