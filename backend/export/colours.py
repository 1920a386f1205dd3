"""Colours with one meaning in every figure: a dimension's colour follows from its number, chance is grey, and so on."""

import re

INK, CHANCE = "#111111", "#8a8a8a"
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
MARKS = ("o", "s", "^", "D", "v", "P")
DASHES = ("-", "--", "-.", ":")
MEANINGS = {
    "mean": INK,
    "chance": CHANCE,
    "best factor": PALETTE[0],
    "correlation": PALETTE[0],
    "second factor": PALETTE[5],
    "reward": PALETTE[2],
    "value": PALETTE[3],
    "actions": PALETTE[1],
}
_DIMENSION = re.compile(r"dim (\d+)\b")


def colour_of(name: str, place: int) -> str:
    """The colour of a line or mark: by what its name means, by its dimension's number, else by its position."""
    return MEANINGS.get(name) or PALETTE[_number(name, place) % len(PALETTE)]


def dash_of(name: str, place: int) -> str:
    """The dash pattern of a line: it changes each time the colours repeat."""
    return "-" if name in MEANINGS else DASHES[_number(name, place) // len(PALETTE) % len(DASHES)]


def _number(name: str, place: int) -> int:
    found = _DIMENSION.match(name)
    return int(found.group(1)) if found else place
