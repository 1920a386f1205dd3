"""One attempt at a run: claim it, start its process, watch it, and record how it ended."""

import errno
import logging
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from backend.data.crash import crash_point
from backend.runs.child import Child, start_child
from backend.runs.folders import is_finished, last_log_line, read_error, read_progress, read_result, run_folder
from backend.runs.mirror import EVERY_S, Mirror
from backend.runs.outcome import Ending, Reason, further, judge
from backend.runs.processes import ask_to_end, end_processes, processes_of_run
from backend.runs.shared import SharedFiles
from backend.runs.states import GUARD_S, SILENT_S, RunState
from backend.runs.store import RunStore
from backend.runs.supply import Supply
from backend.runs.table import RunRow
from backend.runs.tracking.start import sent_beside

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Timing:
    """Seconds between checks, and how long a process may take to save."""

    poll: float = 0.2
    heartbeat: float = 2.0
    cancel_grace: float = 3.0
    stop_grace: float = 15.0
    lease: float = SILENT_S - GUARD_S
    copy: float = EVERY_S


STORE_PATIENCE_S = 30.0
"""How long the end of a run that did not succeed waits for a store that does not answer."""


def brief(error: SQLAlchemyError) -> str:
    """The first line: the others repeat the statement and its values."""
    return str(error).splitlines()[0]


class Fenced(Exception):
    """Another worker took the run: this attempt must no longer write about it."""


class RunExecutor:
    """Executes attempts for one worker; `stop` makes the current one save and hand its run back."""

    def __init__(
        self,
        store: RunStore,
        home: Path,
        worker: str,
        timing: Timing | None = None,
        tracker: str | None = None,
        shared: SharedFiles | None = None,
    ) -> None:
        self._store = store
        self._home = home
        self._worker = worker
        self._timing = timing or Timing()
        self._tracker = tracker
        self._shared = shared
        self._stopping = threading.Event()
        self._busy = threading.Lock()

    def stop(self) -> None:
        """Take no more runs, and end the current one cleanly."""
        self._stopping.set()

    @property
    def is_busy(self) -> bool:
        """Whether an attempt is running."""
        return self._busy.locked()

    def wait_until_idle(self) -> None:
        """Wait until no attempt is running."""
        with self._busy:
            return

    def attempt(self, run_id: str, generation: int) -> str:
        """Execute one attempt to its end; returns the state of the run after it, or why nothing was done."""
        with self._busy:
            row = self._claim(run_id, generation)
            if row is None:
                return "not claimed"
            crash_point("run-claimed")
            try:
                ending = self._carry_out(row)
            except Fenced:
                return "taken by another worker"
            except Exception as error:
                log.exception("run %s could not be executed", row.id)
                ending = _not_executed(row, error)
            crash_point("attempt-over")
            state = self._settle(row, ending)
            crash_point("verdict-written")
            return state

    def hand_back(self) -> None:
        """Queue what an earlier process of this worker held when it died; its processes must be ended first."""
        for row in self._store.running_on(self._worker):
            ending = self._ending(row, Reason.CANCELLED if row.cancel_requested else Reason.WORKER_STOPS, -9)
            self._settle(row, ending)

    def _claim(self, run_id: str, generation: int) -> RunRow | None:
        """None if the run is no longer waiting, or the worker stops before the database answers."""
        while not self._stopping.is_set():
            try:
                return self._store.claim(run_id, generation, self._worker)
            except SQLAlchemyError as error:
                log.warning("cannot claim run %s, trying again: %s", run_id, brief(error))
                self._stopping.wait(1.0)
        return None

    def _carry_out(self, row: RunRow) -> Ending:
        self._end_earlier(row)
        if self._shared is None:
            return self._run(row)
        with Supply(self._shared, row) as supply:
            reason = self._hold(row, lambda reason: reason is not None or supply.is_done)
        if reason is not None:
            return self._ending(row, reason, -signal.SIGTERM)
        supply.check()
        with Mirror(self._shared, row, self._timing.copy) as mirror:
            ending = self._run(row)
            mirror.end()
            reason = self._hold(row, lambda reason: mirror.is_done or _gives_up(mirror, ending, reason))
        if ending.code == 0 and not mirror.is_complete:  # finished, but only here: whoever takes the run does the rest
            return replace(ending, reason=reason or Reason.WORKER_STOPS, code=-signal.SIGTERM)
        return ending

    def _run(self, row: RunRow) -> Ending:
        folder = run_folder(self._home, row.id)
        if is_finished(folder, row.settings):
            return self._ending(row, Reason.BY_ITSELF, 0)
        child = start_child(row, self._home)
        with sent_beside(folder, self._tracker, folder / "log.txt"):
            try:
                reason, code = self._watch(row, child)
            finally:
                child.stop(grace_s=0)
        return self._ending(row, reason, code)

    def _hold(self, row: RunRow, until: Callable[[Reason | None], bool]) -> Reason | None:
        """Keep the run until a condition is met, which is told why the run should end; that reason. Raises Fenced."""
        beat_at = 0.0
        while True:
            stopping = Reason.WORKER_STOPS if self._stopping.is_set() else None
            reason = stopping or (Reason.CANCELLED if self._cancelled(row) else None)
            if until(reason):
                return reason
            if time.monotonic() - beat_at >= self._timing.heartbeat:
                beat_at = time.monotonic()
                self._beat(row)
            time.sleep(self._timing.poll)

    def _end_earlier(self, row: RunRow) -> None:
        """End processes left here by attempts that lost the run: their worker may be frozen and unable to."""
        left = processes_of_run(self._home, row.id)
        if left:
            log.warning("ending %d processes of an earlier attempt at run %s", len(left), row.id)
            ask_to_end(left)
            end_processes(left, self._timing.stop_grace)

    def _watch(self, row: RunRow, child: Child) -> tuple[Reason, int]:
        beat_at, renewed_at = 0.0, time.monotonic()
        while True:
            code = child.poll()
            if code is not None:
                return Reason.BY_ITSELF, code
            if self._stopping.is_set():
                return Reason.WORKER_STOPS, child.stop(self._timing.stop_grace)
            if self._cancelled(row):
                return Reason.CANCELLED, child.stop(self._timing.cancel_grace)
            if time.monotonic() - beat_at >= self._timing.heartbeat:
                beat_at = time.monotonic()
                renewed_at = beat_at if self._beat(row) else renewed_at
            if time.monotonic() - renewed_at > self._timing.lease:
                log.warning("run %s is saved: soon another worker may take it, the database being silent", row.id)
                return Reason.WORKER_STOPS, child.stop(self._timing.stop_grace)
            time.sleep(self._timing.poll)

    def _cancelled(self, row: RunRow) -> bool:
        """Raises Fenced when the run is no longer ours; a database that does not answer changes nothing."""
        try:
            orders = self._store.orders(row.id, row.attempt)
        except SQLAlchemyError as error:
            log.warning("cannot read the orders of run %s: %s", row.id, brief(error))
            return False
        if not orders.current:
            raise Fenced(row.id)
        return orders.cancel

    def _beat(self, row: RunRow) -> bool:
        """Whether the database took it."""
        try:
            self._store.beat(row.id, row.attempt)
        except SQLAlchemyError as error:
            log.warning("cannot write the heartbeat of run %s: %s", row.id, brief(error))
            return False
        return True

    def _ending(self, row: RunRow, reason: Reason, code: int) -> Ending:
        folder = run_folder(self._home, row.id)
        return Ending(
            reason=reason,
            code=code,
            error=read_error(folder),
            progressed=further(row.furthest, read_progress(folder)) != row.furthest,
            stalled_before=row.stalled,
            last_log_line=last_log_line(folder),
        )

    def _settle(self, row: RunRow, ending: Ending) -> str:
        """Record the verdict, however long the database takes to accept it.

        A stopping worker does not wait: the next one returns the run to the queue.
        """
        while True:
            try:
                return self._write(row, ending)
            except SQLAlchemyError as error:
                log.warning("cannot write the end of run %s: %s", row.id, brief(error))
                if self._stopping.wait(1.0):
                    return "not written"

    def _write(self, row: RunRow, ending: Ending) -> str:
        folder = run_folder(self._home, row.id)
        verdict = judge(ending)
        furthest = further(row.furthest, read_progress(folder))
        if verdict.state is RunState.QUEUED:
            queued = self._store.requeue(
                row.id, row.attempt, stalled=verdict.stalled, furthest=furthest, error=verdict.error
            )
            if queued is not None:
                return RunState.QUEUED
            verdict = judge(_asked_to_cancel(ending))
        result = read_result(folder) if verdict.state is RunState.SUCCEEDED else None
        finished = self._store.finish(
            row.id, row.attempt, verdict.state, error=verdict.error, result=result, furthest=furthest
        )
        return verdict.state if finished is not None else "taken by another worker"


def _gives_up(mirror: Mirror, ending: Ending, reason: Reason | None) -> bool:
    """Whether an attempt ends although its last files are not in the store: the one before them counts then."""
    return mirror.failing_s > 0 and (reason is not None or (ending.code != 0 and mirror.failing_s > STORE_PATIENCE_S))


def _not_executed(row: RunRow, error: Exception) -> Ending:
    """A failure of the worker itself: counts as a crash, so that it cannot repeat endlessly."""
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    described = {
        "type": "disk_full" if full else "error",
        "message": f"the run could not be executed: {error}",
        "hint": "See the worker's log.",
    }
    return Ending(Reason.BY_ITSELF, 1, described, progressed=False, stalled_before=row.stalled)


def _asked_to_cancel(ending: Ending) -> Ending:
    """The same outcome as if the run was cancelled: a requeue fails for no other reason."""
    return Ending(Reason.CANCELLED, ending.code, ending.error, ending.progressed, ending.stalled_before)
