"""Sends what is in a run's folder and not yet in its tracker."""

import sys
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from backend.data.run_start import read_run_start
from backend.runs.folders import read_error, read_result
from backend.runs.locks import Lock, hold
from backend.runs.tracking.connect import connect
from backend.runs.tracking.lines import LineReader
from backend.runs.tracking.state import read_sent, write_sent
from backend.runs.tracking.tracker import Ending, NotSent, TrackedRun, Tracker, flat

BATCH = 900
"""Values that go to a tracker at once."""
METRICS = "metrics.jsonl"


class Sender:
    """One run and one tracker. Its user must hold the lock of `sending`."""

    def __init__(self, folder: Path, tracker: str) -> None:
        self._folder, self._name = folder, tracker
        self._reader = LineReader(folder / METRICS)
        self._sent = read_sent(folder, tracker)
        self._tracker: Tracker | None = None

    @property
    def sent(self) -> int:
        """Lines that the tracker has, according to the folder."""
        return self._sent.lines

    @property
    def is_over(self) -> bool:
        """Whether the tracker has every line and the final state of the run."""
        return self._sent.over and not self.left

    @property
    def left(self) -> int:
        """Lines that it does not have."""
        return len(LineReader(self._folder / METRICS).after(self._sent.positions, sys.maxsize))

    def advance(self) -> None:
        """Send every line so far; nothing before the run has begun. Raises NotSent, OSError."""
        tracker = self._begun()
        if tracker is None:
            return
        while lines := self._reader.after(self._sent.positions, BATCH):
            after = self._sent.with_(len(lines), {line.phase: line.position for line in lines})
            try:
                tracker.send(lines, self._sent.lines, after.positions)
            except NotSent:
                self._forget()
                raise
            self._sent = after
            write_sent(self._folder, self._name, after)

    def end(self) -> None:
        """Report the state of the run, after its last line. Raises NotSent, OSError."""
        self.advance()
        tracker = self._begun()
        if tracker is None:
            return
        tracker.end(ending_of(self._folder))
        self._forget()
        self._sent = replace(self._sent, over=True)
        write_sent(self._folder, self._name, self._sent)

    def _begun(self) -> Tracker | None:
        start = read_run_start(self._folder)
        if self._tracker is None and start is not None:
            write_sent(self._folder, self._name, self._sent)  # the key is known before the tracker has it
            tracker = connect(self._name, self._folder)
            has = tracker.begin(TrackedRun(self._sent.key, self._folder.name, start))
            if has is not None:
                self._sent = self._sent.as_told(has)
            self._tracker = tracker
        return self._tracker

    def _forget(self) -> None:
        """Ask the tracker again what it has: an answer may have been lost after it accepted the lines."""
        self._tracker = None
        self._reader = LineReader(self._folder / METRICS)


def ending_of(folder: Path) -> Ending:
    """The state of the run in a folder, from the files of its last process."""
    result, error = read_result(folder), read_error(folder)
    if result is not None:
        return Ending("finished", flat({"result": result}))
    if error is not None:
        return Ending("failed", flat({"error": error}))
    return Ending("stopped", {})


def sending(folder: Path, *, wait: bool) -> AbstractContextManager[Lock]:
    """Held by the one process that sends a run's metrics. Without `wait`, raises Held if another has it."""
    return hold(folder / ".tracker.lock", wait=wait)
