"""Everything that belongs to a run is found and ended, whoever its parent is now."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from backend.runs.processes import (
    HOME_VARIABLE,
    PARENT_VARIABLE,
    RUN_VARIABLE,
    WORKER_VARIABLE,
    end_processes,
    is_alive,
    processes_of_run,
    processes_of_worker,
)

SLEEP = "import time; time.sleep(60)"
ORPHANING = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
print(child.pid, flush=True)
"""
FOLLOWER = """
import time
from backend.runs.processes import end_with_parent
end_with_parent()
print("ready", flush=True)
time.sleep(60)
"""
LEADER = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], env=os.environ | {sys.argv[2]: str(os.getpid())},
                         stdout=subprocess.PIPE)
assert child.stdout.readline() == b"ready\\n"
print(child.pid, flush=True)
time.sleep(60)
"""


def _marked(home: Path, run: str) -> dict[str, str]:
    return os.environ | {HOME_VARIABLE: str(home), RUN_VARIABLE: run, WORKER_VARIABLE: "w"}


def _until(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def _first_line(process: subprocess.Popen[bytes]) -> int:
    assert process.stdout is not None
    line = process.stdout.readline()
    process.stdout.close()
    return int(line)


def test_an_orphan_of_an_orphan_is_found_by_its_run_and_its_worker(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", ORPHANING], env=_marked(tmp_path, "run-a"), stdout=subprocess.PIPE)
    orphan = _first_line(parent)
    parent.wait()
    assert processes_of_run(tmp_path, "run-a") == [orphan]
    assert processes_of_worker(tmp_path, "w") == [orphan]
    assert processes_of_run(tmp_path, "run-b") == []
    assert processes_of_run(tmp_path / "elsewhere", "run-a") == []
    end_processes([orphan], patience_s=0)
    assert not is_alive(orphan)
    assert processes_of_run(tmp_path, "run-a") == []


def test_a_stopped_process_is_ended_too(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", SLEEP], env=_marked(tmp_path, "run-a"))
    os.kill(process.pid, signal.SIGSTOP)
    end_processes([process.pid], patience_s=0.2)
    assert process.wait() == -signal.SIGKILL


def test_a_process_that_ends_by_itself_is_given_the_time() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.3)"])
    end_processes([process.pid], patience_s=10.0)
    assert process.wait() == 0


def test_a_child_ends_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", LEADER, FOLLOWER, PARENT_VARIABLE], stdout=subprocess.PIPE)
    child = _first_line(parent)
    assert is_alive(child)
    parent.kill()
    parent.wait()
    assert _until(lambda: not is_alive(child))


def test_a_child_that_was_told_nothing_outlives_its_parent() -> None:
    """The negative control: without DISWM_PARENT_PID the child stays."""
    parent = subprocess.Popen([sys.executable, "-c", LEADER, FOLLOWER, "UNREAD"], stdout=subprocess.PIPE)
    child = _first_line(parent)
    parent.kill()
    parent.wait()
    try:
        assert not _until(lambda: not is_alive(child), seconds=0.5)
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_child_whose_parent_is_gone_already_ends_at_once() -> None:
    environment = os.environ | {PARENT_VARIABLE: "1"}
    process = subprocess.run([sys.executable, "-c", FOLLOWER], env=environment, timeout=10, check=False)
    assert process.returncode == -signal.SIGTERM
