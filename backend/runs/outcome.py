"""What the end of an attempt means for its run: pure rules, without files or processes."""

import signal
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from backend.runs.states import RunState

MAX_STALLED = 3
"""Consecutive attempts that may crash without progress; the last of them ends the run."""
STOPPED_CODE = 143
BAD_SETTINGS_CODE = 2
FOLDER_IN_USE_CODE = 75
NOT_WRITTEN_CODE = 74

FINAL_ERRORS = {
    "diverged": RunState.DIVERGED,
    "out_of_memory": RunState.FAILED,
    "invalid_settings": RunState.FAILED,
    "disk_full": RunState.PAUSED,
    "folder_in_use": RunState.PAUSED,
}
"""Errors that would occur again in another attempt, and the state that they leave the run in."""


class Reason(Enum):
    """Why an attempt ended."""

    BY_ITSELF = auto()
    CANCELLED = auto()
    WORKER_STOPS = auto()


@dataclass(frozen=True)
class Ending:
    """What is known when an attempt is over."""

    reason: Reason
    code: int
    error: dict[str, Any] | None
    progressed: bool
    stalled_before: int
    last_log_line: str | None = None


@dataclass(frozen=True)
class Verdict:
    """The state that the run goes to; QUEUED means another attempt."""

    state: RunState
    error: dict[str, Any] | None = None
    stalled: int = 0


def judge(ending: Ending) -> Verdict:
    """The rules, in order: finished, asked to stop, final errors, and crashes up to MAX_STALLED."""
    if ending.code == 0:
        return Verdict(RunState.SUCCEEDED)
    if ending.reason is Reason.CANCELLED:
        return Verdict(RunState.CANCELLED)
    if ending.reason is Reason.WORKER_STOPS:
        return Verdict(RunState.QUEUED, stalled=ending.stalled_before)
    if ending.code == STOPPED_CODE:
        return Verdict(RunState.PAUSED)
    error = _error_of(ending)
    if error["type"] in FINAL_ERRORS:
        return Verdict(FINAL_ERRORS[error["type"]], error)
    stalled = 0 if ending.progressed else ending.stalled_before + 1
    state = RunState.FAILED if stalled >= MAX_STALLED else RunState.QUEUED
    return Verdict(state, error, stalled)


def further(furthest: dict[str, float], progress: dict[str, Any] | None) -> dict[str, float]:
    """The most units done in each phase, with what `progress` adds to it: a phase that was only begun adds nothing."""
    if progress is None or not isinstance(progress.get("done"), int | float):
        return furthest
    phase, done = str(progress.get("phase", "")), float(progress["done"])
    return furthest | {phase: done} if done > furthest.get(phase, 0.0) else furthest


def _error_of(ending: Ending) -> dict[str, Any]:
    if ending.error is not None and isinstance(ending.error.get("type"), str):
        return ending.error
    if ending.code == BAD_SETTINGS_CODE:
        return _error("invalid_settings", ending.last_log_line or "the settings were refused", "See the log.")
    if ending.code == FOLDER_IN_USE_CODE:
        return _error(
            "folder_in_use",
            "another process writes into this run's folder",
            "Stop the command that runs there; the run then resumes on its own.",
        )
    if ending.code == NOT_WRITTEN_CODE:
        return _error("disk_full", "the disk is full", "Free some space; the run resumes on its own.")
    if ending.code < 0:
        name = signal.Signals(-ending.code).name
        hint = "The system may have run out of memory: try a smaller batch." if name == "SIGKILL" else "See the log."
        return _error("crashed", f"the process was ended by {name}", hint)
    return _error("error", ending.last_log_line or f"the process ended with code {ending.code}", "See the log.")


def _error(kind: str, message: str, hint: str) -> dict[str, Any]:
    return {"type": kind, "message": message, "hint": hint}
