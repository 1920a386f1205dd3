"""The lines of metrics that a tracker does not have yet, in the order of the file."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from backend.runs.metrics import parse_line

STEPS = ("updates", "agent_steps", "environment_steps")
_NOT_VALUES = {"time", "phase", *STEPS}

Position = tuple[int, ...]
"""The counters of a line, and how many lines of its phase had the same ones up to here."""
Positions = dict[str, Position]
"""The last line that a tracker has, by phase."""


class Line(NamedTuple):
    """A line of metrics: seconds since 1970, counters by name, values by name."""

    time: float
    phase: str
    counters: dict[str, int]
    values: dict[str, float]
    position: Position

    @property
    def axis(self) -> str:
        """The counter that the values are drawn over: agent steps where there are some, else updates."""
        return "agent_steps" if self.counters["agent_steps"] else "updates"

    def named(self) -> dict[str, float]:
        """Values and counters, each as PHASE/NAME: every phase counts its updates from zero."""
        return {f"{self.phase}/{name}": value for name, value in {**self.counters, **self.values}.items()}


class LineReader:
    """Reads a file of metrics as it grows.

    A resumed run replaces the file by a shorter one and writes the missing lines again: they have the positions
    that they had before, so whoever compares positions takes each line once.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file, self._offset = 0, 0  # the inode, and where the next line begins
        self._seen: Positions = {}

    def after(self, sent: Mapping[str, Position], most_values: int) -> list[Line]:
        """The next lines past the positions `sent`, with about `most_values` values; none while there are none."""
        found: list[Line] = []
        values = 0
        for line in self._complete():
            if line.position > sent.get(line.phase, ()):
                found.append(line)
                values += len(line.named())
                if values >= most_values:
                    break
        return found

    def _complete(self) -> Iterator[Line]:
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            return
        with file:
            size = file.seek(0, 2)
            inode = self._path.stat().st_ino
            if inode != self._file or size < self._offset:
                self._file, self._offset, self._seen = inode, 0, {}
            file.seek(self._offset)
            while (text := file.readline()).endswith(b"\n"):
                self._offset += len(text)
                line = self._parsed(text)
                if line is not None:
                    yield line

    def _parsed(self, text: bytes) -> Line | None:
        item = parse_line(text)
        if item is None or not isinstance(item.get("phase"), str):
            return None  # a line cut off by a kill
        counters = {name: int(item.get(name) or 0) for name in STEPS}
        key, phase = tuple(counters.values()), item["phase"]
        before = self._seen.get(phase, (*key, 0))
        position = (*key, before[-1] + 1 if before[:-1] == key else 1)
        self._seen[phase] = position
        values = {name: value for name, value in item.items() if name not in _NOT_VALUES and _is_number(value)}
        return Line(float(item.get("time") or 0.0), phase, counters, values, position)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
