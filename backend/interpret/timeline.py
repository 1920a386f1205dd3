"""Rows of pictures over the same steps, with curves next to them: how every view of imagination is shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from backend.interpret.view import Picture

Curve = list[float | None]  # one value per step; None if missing
BAND_PERCENT = 80  # of the episodes are within a band


class Strip(NamedTuple):
    """One row: its title, a description, and its picture at each step."""

    title: str
    note: str
    frames: Picture  # (S, 64, 64, 3)
    kind: str = "model"  # truth, model (imagined after the context) or difference


class Reading(NamedTuple):
    """One number of each step that films and figures print: `PSNR`, `dB`."""

    title: str
    unit: str
    values: Curve


class Band(NamedTuple):
    """The values between which BAND_PERCENT of the episodes are at each step."""

    low: Curve
    high: Curve


class Bands(NamedTuple):
    """The bands of some lines, measured over `episodes` of the clip."""

    episodes: int
    charts: Mapping[str, Mapping[str, Band]]  # chart -> line -> band


@dataclass(frozen=True)
class Timeline:
    """S steps, of which the first `context` were observed. Equal requests give equal timelines."""

    kind: str  # the kind of view that `settings` reopens
    title: str
    name: str  # of its files, without ending
    context: int
    strips: tuple[Strip, ...]
    curves: Mapping[str, Mapping[str, Curve]]  # chart -> line -> (S,)
    settings: str
    facts: Mapping[str, Any]  # what the page shows in addition, ready for JSON
    reading: Reading | None = None
    seen_again: frozenset[int] = frozenset()  # later steps that were observed as well
    bands: Bands | None = None  # measured for figures and tables; the page asks for them separately

    @property
    def steps(self) -> int:
        """Context and horizon together."""
        return len(self.strips[0].frames)

    def is_observed(self, step: int) -> bool:
        """Whether the model saw the true picture of a step."""
        return step < self.context or step in self.seen_again


def difference(first: Picture, second: Picture) -> Picture:
    """|first - second| of pictures of one shape, in grey levels."""
    return np.abs(first.astype(np.int16) - second.astype(np.int16)).astype(np.uint8)


def curve(values: Any) -> Curve:
    """Numbers (S,) as a curve, with six decimals; values that are not finite are missing."""
    return [round(float(value), 6) if np.isfinite(value) else None for value in values]
