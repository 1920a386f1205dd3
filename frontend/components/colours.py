"""The colour of each dimension: the same on every page and in every file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

PALETTE = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc6aa0",
    "#cc183c",
    "#783cfc",
    "#9c5460",
    "#007878",
    "#a878fc",
    "#9060a8",
    "#007830",
    "#fc546c",
    "#609c3c",
    "#3084fc",
    "#a86c54",
    "#907800",
    "#546c6c",
    "#009cb4",
    "#cc0084",
    "#cc7884",
)
"""Twenty that are told apart from each other and from the grey of chance, three times as bright or dark as white
and as the dark page; the first ones also without red and green."""
DASHES = {"solid": "", "dash": "6 3", "dashdot": "6 3 1.5 3", "dot": "1.5 3"}
"""Dash patterns for lines once the colours repeat: Plotly's names, and SVG's."""
_DIMENSION = re.compile(r"dim (\d+)\b", re.IGNORECASE)


def dimension_colour(dim: int) -> str:
    """The colour of a dimension, wherever it is drawn."""
    return PALETTE[dim % len(PALETTE)]


def dimension_dash(dim: int) -> str:
    """The dash pattern of a dimension's line, as Plotly names it."""
    return list(DASHES)[dim // len(PALETTE) % len(DASHES)]


def dimension_of(name: str) -> int | None:
    """The dimension that a line or a row is about: 7 of `dim 7: hip angle`; None where there is none."""
    found = _DIMENSION.match(name)
    return int(found.group(1)) if found else None


def plotly_line(name: str) -> dict[str, str]:
    """Colour and dashes of a dimension's line; empty for other lines, which Plotly colours in order."""
    dim = dimension_of(name)
    return {} if dim is None else {"color": dimension_colour(dim), "dash": dimension_dash(dim)}


def coloured(item: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A line or row for a component, with the colour of the dimension that its name is about."""
    dim = dimension_of(item[name])
    if dim is None:
        return dict(item)
    return {**item, "colour": dimension_colour(dim), "dash": DASHES[dimension_dash(dim)]}


def dotted(name: str) -> str:
    """A name for Plotly's axes, safe already, after a dot in the colour of its dimension."""
    dim = dimension_of(name)
    return name if dim is None else f'<span style="color:{dimension_colour(dim)}">●</span> {name}'
