"""How a running stage reports: metrics as JSONL and TensorBoard events, progress, a stop request."""

import contextlib
import json
import math
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from backend.data.crash import crash_point
from backend.data.files import sweep_tree, sync_folder, write_file, write_json

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

METRICS, PROGRESS, RESULT, ERROR = "metrics.jsonl", "progress.json", "result.json", "error.json"
EVENTS = "tensorboard"
COUNTERS = ("updates", "agent_steps", "environment_steps")
TOLD_EVERY_S = 30.0
"""Seconds between two log lines with metrics of the same phase."""


class Stopped(Exception):
    """The stage was asked to stop; everything is saved and the run can continue from here."""


class Diverged(Exception):
    """A loss or a gradient is NaN or infinite; the last finite checkpoint is kept."""


class Reporter:
    """Writes what a stage reports into its folder; `stop_requested` is set by SIGTERM or Ctrl-C."""

    def __init__(self, out: Path, *, quiet: bool = False) -> None:
        out.mkdir(parents=True, exist_ok=True)
        sweep_tree(out)
        self.out = out
        self.stop_requested = False
        self._quiet = quiet
        self._bar: tqdm[Any] | None = None
        self._phase, self._begun, self._written = "", time.time(), 0.0
        self._done_before = 0
        self._told: dict[str, float] = {}
        self._events: SummaryWriter | None = None

    @contextlib.contextmanager
    def listening(self) -> Iterator["Reporter"]:
        """Turns SIGTERM and SIGINT into `stop_requested` while the stage runs; closes files at the end."""
        before = {name: signal.signal(name, self._request_stop) for name in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield self
        finally:
            for name, handler in before.items():
                signal.signal(name, handler)
            self.close()

    def log(
        self,
        phase: str,
        values: Mapping[str, float],
        *,
        updates: int = 0,
        agent_steps: int = 0,
        environment_steps: int = 0,
    ) -> None:
        """Appends one line of metrics, and logs some of them; a value that is not finite is left out."""
        finite = {name: float(value) for name, value in values.items() if math.isfinite(value)}
        counters = dict(zip(COUNTERS, (updates, agent_steps, environment_steps), strict=True))
        record = {"time": round(time.time(), 3), "phase": phase, **counters, **finite}
        line = json.dumps(record)
        events = self._opened_events()
        crash_point("metrics-line", lambda: _append(self.out / METRICS, line[: len(line) // 2]))
        _append(self.out / METRICS, line + "\n")
        _draw(events, record)
        self._tell(phase, finite, f"{agent_steps:,} agent steps" if agent_steps else f"{updates:,} updates")
        if self._bar is not None:
            self._bar.set_postfix({name: f"{value:.3g}" for name, value in list(finite.items())[:4]})

    def progress(self, done: int, total: int, phase: str) -> None:
        """Reports how far the stage is: `done` of `total` of what `phase` names.

        What is done at the first report of a phase was done earlier: the time left follows from the pace since then.
        """
        now = time.time()
        if phase != self._phase:
            self._phase, self._begun, self._written, self._done_before = phase, now, 0.0, done
            self._new_bar(done, total, phase)
            self.note(f"{phase}: {done:,} of {total:,}")
        if self._bar is not None:
            self._bar.update(done - self._bar.n)
        if now - self._written >= 0.5 or done >= total:
            self._written = now
            state = {"phase": phase, "done": done, "total": total, "done_before": self._done_before}
            write_json(self.out / PROGRESS, {**state, "started": self._begun, "updated": now})

    def note(self, text: str) -> None:
        """One sentence for the log, with the time of day (UTC)."""
        tqdm.write(f"{time.strftime('%H:%M:%S', time.gmtime())} {text}", file=sys.stderr)

    def sync(self) -> None:
        """Flushes every line so far to disk: called before a save, because a resume only rewrites later lines.

        TensorBoard's events are rebuilt from the lines.
        """
        path = self.out / METRICS
        if path.exists():
            with path.open("rb") as file:
                os.fsync(file.fileno())
            sync_folder(self.out)

    def cut_metrics(self, phase: str, updates: int, agent_steps: int = 0) -> None:
        """Drops the lines that a resumed stage will write again: those of `phase` past the counters."""
        path = self.out / METRICS
        if not path.exists():
            return
        lines = path.read_text().splitlines()
        earlier = [line for line in lines if _precedes(line, phase, updates, agent_steps)]
        write_file(path, "".join(f"{line}\n" for line in earlier).encode())
        self._close_events()

    def close(self) -> None:
        """Closes files and the progress bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        self._close_events()

    def _opened_events(self) -> "SummaryWriter":
        """TensorBoard's events since the last start or resume, after those of all earlier lines that are kept.

        The file tells viewers to drop what they read before, so no step is missing or appears twice. The file before it
        stays: a viewer that has it open goes on from there.
        """
        if self._events is None:
            from torch.utils.tensorboard import SummaryWriter  # slow to import, and only needed by stages

            for old in sorted((self.out / EVENTS).glob("events.*"))[:-1]:
                old.unlink()
            self._events = SummaryWriter(str(self.out / EVENTS), purge_step=0)
            for line in metric_lines(self.out / METRICS):
                _draw(self._events, line)
        return self._events

    def _close_events(self) -> None:
        if self._events is not None:
            self._events.close()
            self._events = None

    def _tell(self, phase: str, values: Mapping[str, float], when: str) -> None:
        now = time.monotonic()
        if now - self._told.get(phase, -math.inf) >= TOLD_EVERY_S:
            self._told[phase] = now
            self.note(f"{phase} at {when}: {', '.join(f'{name} {value:.4g}' for name, value in values.items())}")

    def _new_bar(self, done: int, total: int, phase: str) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = None if self._quiet else tqdm(total=total, initial=done, desc=phase, file=sys.stderr, mininterval=1)

    def _request_stop(self, _signal: int, _frame: FrameType | None) -> None:
        if self.stop_requested:
            os._exit(143)  # second signal: do not wait for the save
        self.stop_requested = True


def _append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def metric_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The complete lines of metrics; a line cut off by a kill is left out."""
    if path.exists():
        with path.open() as file:
            for line in file:
                with contextlib.suppress(ValueError):
                    yield json.loads(line)


def _draw(events: "SummaryWriter", line: Mapping[str, Any]) -> None:
    """A line of metrics as events, one per value, at its agent step (or at its update if it has none)."""
    step = line["agent_steps"] or line["updates"]
    for name in line.keys() - {"time", "phase", *COUNTERS}:
        events.add_scalar(f"{line['phase']}/{name}", line[name], step, walltime=line["time"])


def _precedes(line: str, phase: str, updates: int, agent_steps: int) -> bool:
    try:
        values = json.loads(line)
    except ValueError:
        return False  # a line cut off by a kill
    if values["phase"] != phase:
        return True
    return bool(values["updates"] <= updates and values["agent_steps"] <= max(agent_steps, 0))
