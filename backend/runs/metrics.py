"""Metric lines of a run: any part of them at once, and a whole curve with the extremes of each bucket."""

import json
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

MAX_LINES = 5_000
"""Metric lines in one answer; a reader requests the rest separately."""
COUNTERS = ("phase", "updates", "agent_steps", "environment_steps", "time")
_NUMBERS = frozenset((int, float))
_FILE = "metrics.jsonl"
_MARK_LINES = 1_000
_TAIL = 256
_MOST_BUCKETS = 2_000
_MOST_FILES = 32
_READER = json.JSONDecoder(parse_constant=lambda _: None)

Line = dict[str, Any]


class MetricLines(NamedTuple):
    """Some lines of metrics, and the number of the next one to ask for."""

    items: list[Line]
    next: int


def read_metrics(folder: Path, since: int) -> MetricLines:
    """Complete metric lines from number `since` on; numbers that JSON cannot express become None.

    An index of the file, kept by this process, finds the place: lines before it are not read again.
    """
    try:
        with (folder / _FILE).open("rb") as file:
            return _indexed(folder).read(file, since)
    except FileNotFoundError:
        return MetricLines([], 0)


def read_curve_points(folder: Path, points: int) -> MetricLines:
    """The whole curve in about `points` points of each metric: the least and the greatest of each bucket of lines.

    Every point is a true value at its own counters. A file of no more lines than that is returned as it is.
    """
    try:
        with (folder / _FILE).open("rb") as file:
            return _indexed(folder).thinned(file, points)
    except FileNotFoundError:
        return MetricLines([], 0)


class Mark(NamedTuple):
    """Where a line begins, and the bytes before it, by which a file that was cut and grew again is noticed."""

    line: int
    offset: int
    tail: bytes


class Point(NamedTuple):
    """A value of one metric, at a line."""

    line: int
    value: float
    counters: Line


class Extremes(NamedTuple):
    """The least and the greatest value of one metric in a bucket, and where they are."""

    low: float
    high: float
    least: Point
    greatest: Point

    def with_(self, other: "Extremes") -> "Extremes":
        """Those of both buckets; of equal values the earlier one."""
        least = other.least if other.low < self.low else self.least
        greatest = other.greatest if other.high > self.high else self.greatest
        return Extremes(min(self.low, other.low), max(self.high, other.high), least, greatest)


_START = Mark(0, 0, b"")
Bucket = dict[str, dict[str, Extremes]]  # by phase, as phases count their updates from zero, and metric


@dataclass
class _Index:
    """What is known of one file; grows with it."""

    marks: list[Mark] = field(default_factory=lambda: [_START])
    thinned_to: Mark = _START
    buckets: list[Bucket] = field(default_factory=list)
    bucket_lines: int = 1
    lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, file: BinaryIO, since: int) -> MetricLines:
        with self.lock:
            self._check(file)
            mark = next(mark for mark in reversed(self.marks) if mark.line <= since)
            number, chosen = mark.line, []
            for number, line in self._lines(file, mark):
                if number > since:
                    chosen.append(line)
                if len(chosen) == MAX_LINES:
                    break
        return MetricLines([item for line in chosen if (item := parse_line(line)) is not None], number)

    def thinned(self, file: BinaryIO, points: int) -> MetricLines:
        with self.lock:
            self._check(file)
            number = self.thinned_to.line
            for number, line in self._lines(file, self.thinned_to):
                self._take(number, line)
            self.thinned_to = Mark(number, file.tell(), _before(file, file.tell()))
            buckets = _fewer(self.buckets, max(1, points // 2))
        return MetricLines(_lines_of(buckets), number)

    def _lines(self, file: BinaryIO, start: Mark) -> Iterator[tuple[int, bytes]]:
        """(number of lines up to it, line) of every complete line from a mark on; leaves the file after the last."""
        file.seek(start.offset)
        number, offset = start.line, start.offset
        while (line := file.readline()).endswith(b"\n"):
            number, offset = number + 1, offset + len(line)
            if number % _MARK_LINES == 0 and number > self.marks[-1].line:
                self.marks.append(Mark(number, offset, _before(file, offset)))
                file.seek(offset)
            yield number, line
        file.seek(offset)

    def _check(self, file: BinaryIO) -> None:
        """Forgets what is no longer so: a run that continues cuts its file back to its last save."""
        while _before(file, self.marks[-1].offset) != self.marks[-1].tail:
            self.marks.pop()
        if _before(file, self.thinned_to.offset) != self.thinned_to.tail:
            self.thinned_to, self.buckets, self.bucket_lines = _START, [], 1

    def _take(self, number: int, line: bytes) -> None:
        place = (number - 1) // self.bucket_lines
        while place >= _MOST_BUCKETS:
            self.buckets = [_together(self.buckets[i : i + 2]) for i in range(0, len(self.buckets), 2)]
            self.bucket_lines *= 2
            place = (number - 1) // self.bucket_lines
        while len(self.buckets) <= place:
            self.buckets.append({})
        item = parse_line(line) or {}
        known = self.buckets[place].setdefault(str(item.get("phase", "")), {})
        counters: Line | None = None
        for name, value in item.items():
            if type(value) not in _NUMBERS or name in COUNTERS:
                continue
            old = known.get(name)
            if old is None or not old.low <= value <= old.high:
                counters = counters or {counter: item[counter] for counter in COUNTERS if counter in item}
                point = Point(number, value, counters)
                own = Extremes(value, value, point, point)
                known[name] = own if old is None else old.with_(own)


_indexes: OrderedDict[Path, _Index] = OrderedDict()
_opening = threading.Lock()


def _indexed(folder: Path) -> _Index:
    with _opening:
        index = _indexes.setdefault(folder, _Index())
        _indexes.move_to_end(folder)
        if len(_indexes) > _MOST_FILES:
            _indexes.popitem(last=False)
        return index


def _before(file: BinaryIO, offset: int) -> bytes:
    """The last bytes before an offset; moves the file's position."""
    start = max(0, offset - _TAIL)
    file.seek(start)
    return file.read(offset - start)


def _fewer(buckets: list[Bucket], most: int) -> list[Bucket]:
    width = -(-len(buckets) // most) or 1
    return [_together(buckets[i : i + width]) for i in range(0, len(buckets), width)]


def _together(buckets: list[Bucket]) -> Bucket:
    whole: Bucket = {}
    for bucket in buckets:
        for phase, metrics in bucket.items():
            known = whole.setdefault(phase, {})
            for name, extremes in metrics.items():
                known[name] = known[name].with_(extremes) if name in known else extremes
    return whole


def _lines_of(buckets: list[Bucket]) -> list[Line]:
    """The points as metric lines, in the order of the file; those of one line stand together."""
    lines: dict[int, Line] = {}
    for bucket in buckets:
        for metrics in bucket.values():
            for name, extremes in metrics.items():
                for point in (extremes.least, extremes.greatest):
                    lines.setdefault(point.line, dict(point.counters))[name] = point.value
    return [lines[number] for number in sorted(lines)]


def parse_line(line: bytes) -> Line | None:
    """The JSON object of a line; None if it holds no such thing."""
    try:
        value = _READER.decode(line.decode())
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
