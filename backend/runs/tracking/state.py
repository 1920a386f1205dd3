"""The file in a run's folder about its trackers: the run's key in each, and the lines that each has."""

import json
import uuid
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from backend.data.files import write_json
from backend.runs.tracking.lines import Position, Positions

FILE = "tracker.json"


@dataclass(frozen=True)
class Sent:
    """How far one tracker is: `key` names the run there, `lines` counts what it got, `over` says that it has all."""

    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    lines: int = 0
    positions: Positions = field(default_factory=dict)
    over: bool = False

    def with_(self, lines: int, positions: dict[str, Position]) -> "Sent":
        """The state after this many more lines, which end at these positions of their phases."""
        return replace(self, lines=self.lines + lines, positions={**self.positions, **positions}, over=False)

    def as_told(self, positions: Positions) -> "Sent":
        """The state that the tracker itself reports: it may have lost the run or accepted more than is known here."""
        return replace(self, lines=self.lines if positions else 0, positions=positions)


def read_sent(folder: Path, tracker: str) -> Sent:
    """How far a tracker is with the run in a folder; a new key where it has nothing."""
    try:
        known = _all(folder)[tracker]
        positions = {phase: tuple(map(int, place)) for phase, place in known["positions"].items()}
        return Sent(str(known["key"]), int(known["lines"]), positions, bool(known["over"]))
    except (KeyError, TypeError, ValueError, AttributeError):
        return Sent()


def write_sent(folder: Path, tracker: str, sent: Sent) -> None:
    """Stores it; the entries of other trackers stay. Raises OSError."""
    write_json(folder / FILE, {**_all(folder), tracker: asdict(sent)})


def _all(folder: Path) -> dict[str, dict[str, Any]]:
    try:
        values = json.loads((folder / FILE).read_bytes())
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}
