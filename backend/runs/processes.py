"""Ends processes reliably: children end with their parent, and all processes of a run can be found.

Orphans are found through Linux's /proc; on other systems none are found, and only the lock of the run's folder
keeps two processes out of it.
"""

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

RUN_VARIABLE = "DISWM_RUN_ID"
WORKER_VARIABLE = "DISWM_RUN_WORKER"
PARENT_VARIABLE = "DISWM_PARENT_PID"
HOME_VARIABLE = "DISWM_HOME"
"""A run's process and all its descendants have these: they can be found even if their ids were not recorded."""

NICENESS = 5
_PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Ask the kernel for a SIGTERM when the process named by DISWM_PARENT_PID ends; nothing without that name.

    The variable is removed from the environment: it is meant for this process, not for its children.
    """
    parent = os.environ.pop(PARENT_VARIABLE, None)
    if parent is None:
        return
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if str(os.getppid()) != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def give_way() -> None:
    """Lower this process's priority below that of API and page, if it executes a run for a worker."""
    if RUN_VARIABLE in os.environ:
        os.nice(NICENESS)


def processes_of_worker(home: Path, worker: str) -> list[int]:
    """Every living process started by this worker's runs, whatever its parent is now."""
    return _marked({HOME_VARIABLE: str(home), WORKER_VARIABLE: worker})


def processes_of_run(home: Path, run_id: str) -> list[int]:
    """Every living process of one run, whatever its parent is now."""
    return _marked({HOME_VARIABLE: str(home), RUN_VARIABLE: run_id})


def processes_of_attempt(home: Path, run_id: str, worker: str) -> list[int]:
    """Those of them that this worker started: it runs one attempt at a time."""
    return _marked({HOME_VARIABLE: str(home), RUN_VARIABLE: run_id, WORKER_VARIABLE: worker})


def ask_to_end(processes: Iterable[int]) -> None:
    """Send SIGTERM to each; processes that are gone are ignored."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process, signal.SIGTERM)


def end_processes(processes: Iterable[int], patience_s: float) -> None:
    """Give them time to end by themselves, then kill what is left, stopped (SIGSTOP) processes too."""
    alive = _wait(processes, patience_s)
    for process in alive:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process, signal.SIGKILL)
    _wait(alive, 5.0)


def kill_group(group: int) -> None:
    """Send SIGKILL to a whole process group; ignored if it is gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def is_alive(process: int) -> bool:
    """Whether the process is running; a zombie is not."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


def _marked(marks: dict[str, str]) -> list[int]:
    wanted = {f"{name}={value}".encode() for name, value in marks.items()}
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = set((folder / "environ").read_bytes().split(b"\0"))
        except OSError:
            continue
        process = int(folder.name)
        if wanted <= environment and process != os.getpid() and is_alive(process):
            found.append(process)
    return found


def _wait(processes: Iterable[int], timeout_s: float) -> list[int]:
    """The processes that still run after the time; returns at once when none does."""
    deadline = time.monotonic() + timeout_s
    alive = [process for process in processes if is_alive(process)]
    while alive and time.monotonic() < deadline:
        time.sleep(0.05)
        alive = [process for process in alive if is_alive(process)]
    return alive
