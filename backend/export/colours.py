"""Colours with one meaning in every figure: a dimension's colour follows from its number, chance is grey, and so on."""

import re

INK, CHANCE = "#111111", "#8a8a8a"
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # told apart without red and green
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
