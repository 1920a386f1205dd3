"""A table of shares as shaded cells that can be chosen by mouse and keyboard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from frontend.components.assets import register, unheard
from frontend.components.colours import coloured

_MATRIX = register("matrix")


class Place(NamedTuple):
    """A chosen cell; column -1 where the head of the row was chosen."""

    row: int
    column: int


def matrix(
    key: str,
    values: Sequence[Sequence[float]],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    least: Sequence[Sequence[float]],
    name: str,
    leads_to: str,
) -> Place | None:
    """Values from 0 to 1 with their numbers; those above `least` are framed. Returns the cell that was just chosen."""
    content = {
        "rows": [
            coloured({"title": title, "values": list(row), "least": list(bound)}, "title")
            for title, row, bound in zip(rows, values, least, strict=True)
        ],
        "columns": list(columns),
        "name": name,
        "leadsTo": leads_to,
    }
    chosen = _MATRIX(key=key, data=content, on_cell_change=unheard).cell
    return Place(int(chosen["row"]), int(chosen["column"])) if chosen else None
