"""How a running stage tells what it does: metrics as JSONL and TensorBoard events, progress, a stop request."""

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
from typing import Any

from tqdm import tqdm

from backend.data.files import write_json

METRICS, PROGRESS, RESULT, ERROR = "metrics.jsonl", "progress.json", "result.json", "error.json"


class Stopped(Exception):
    """The stage was asked to stop; everything is saved and the run can go on from here."""


class Diverged(Exception):
    """A loss or a gradient is NaN or infinite; the last finite checkpoint is kept."""


class Reporter:
    """Writes what a stage reports into its folder; `stop_requested` is set by SIGTERM or Ctrl-C."""

    def __init__(self, out: Path, *, quiet: bool = False) -> None:
        from torch.utils.tensorboard import SummaryWriter  # slow to import, needed by stages only

        out.mkdir(parents=True, exist_ok=True)
        self.out = out
        self.stop_requested = False
        self._quiet = quiet
        self._bar: tqdm[Any] | None = None
        self._phase, self._begun, self._written = "", time.time(), 0.0
        self._events = SummaryWriter(str(out / "tensorboard"))

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
        """Appends one line of metrics; a value that is not finite is left out of the line."""
        finite = {name: float(value) for name, value in values.items() if math.isfinite(value)}
        counters = {"updates": updates, "agent_steps": agent_steps, "environment_steps": environment_steps}
        line = json.dumps({"time": round(time.time(), 3), "phase": phase, **counters, **finite})
        with (self.out / METRICS).open("a") as file:
            file.write(line + "\n")
        for name, value in finite.items():
            self._events.add_scalar(f"{phase}/{name}", value, agent_steps or updates)
        if self._bar is not None:
            self._bar.set_postfix({name: f"{value:.3g}" for name, value in list(finite.items())[:4]})

    def progress(self, done: int, total: int, phase: str) -> None:
        """Says how far the stage is: `done` of `total`, of what `phase` names."""
        now = time.time()
        if phase != self._phase:
            self._phase, self._begun, self._written = phase, now, 0.0
            self._new_bar(total, phase)
        if self._bar is not None:
            self._bar.update(done - self._bar.n)
        if now - self._written >= 0.5 or done >= total:
            self._written = now
            state = {"phase": phase, "done": done, "total": total, "started": self._begun, "updated": now}
            write_json(self.out / PROGRESS, state)

    def note(self, text: str) -> None:
        """One sentence for the log."""
        tqdm.write(text, file=sys.stderr)

    def cut_metrics(self, phase: str, updates: int, agent_steps: int = 0) -> None:
        """Drops the lines that a resumed stage will write again: those of `phase` behind the counters."""
        path = self.out / METRICS
        if not path.exists():
            return
        kept = [line for line in path.read_text().splitlines() if _precedes(line, phase, updates, agent_steps)]
        path.write_text("".join(f"{line}\n" for line in kept))

    def close(self) -> None:
        """Closes files and the progress bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        self._events.close()

    def _new_bar(self, total: int, phase: str) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = None if self._quiet else tqdm(total=total, desc=phase, file=sys.stderr, mininterval=1)

    def _request_stop(self, _signal: int, _frame: FrameType | None) -> None:
        if self.stop_requested:
            os._exit(143)  # asked twice: do not wait for the save
        self.stop_requested = True


def _precedes(line: str, phase: str, updates: int, agent_steps: int) -> bool:
    try:
        values = json.loads(line)
    except ValueError:
        return False  # a line cut by a kill
    if values["phase"] != phase:
        return True
    return bool(values["updates"] <= updates and values["agent_steps"] <= max(agent_steps, 0))
