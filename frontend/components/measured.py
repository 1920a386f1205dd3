"""What was measured of a checkpoint's dimensions, shared by the sections of Factors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from frontend.components.share import share_chart
from frontend.places import link_of
from frontend.state import View


@dataclass(frozen=True)
class Measured:
    """The table of factors of a checkpoint, and its active dimensions by KL."""

    checkpoint: str
    factors: Mapping[str, Any]
    active: Sequence[Mapping[str, Any]]

    def share(self, place: str, table: str) -> None:
        """Files, link and commands of a table."""
        share_chart(place, link_of(place, View()), table, self.checkpoint, {})
