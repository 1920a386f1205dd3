"""Locks are released when their process ends, for whatever reason."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from backend.runs.locks import Held, hold, holder

HOLD = """
import sys, time
from pathlib import Path
from backend.runs.locks import hold
with hold(Path(sys.argv[1])) as lock:
    lock.announce(ready=True)
    print("held", flush=True)
    time.sleep(60)
"""


def _hold_elsewhere(path: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    process.stdout.close()
    return process


def test_a_lock_is_refused_while_another_process_holds_it_and_free_after_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "x.lock"
    other = _hold_elsewhere(path)
    begun = time.monotonic()
    with pytest.raises(Held) as refused, hold(path):
        raise AssertionError("held twice")
    assert time.monotonic() - begun < 2.0
    assert refused.value.holder == {"pid": other.pid, "ready": True}
    assert holder(path) == {"pid": other.pid, "ready": True}
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    assert holder(path) is None
    with hold(path):
        pass


def test_a_stopped_process_still_holds_its_lock(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    other = _hold_elsewhere(path)
    try:
        os.kill(other.pid, signal.SIGSTOP)
        with pytest.raises(Held), hold(path):
            raise AssertionError("held twice")
    finally:
        other.kill()
        other.wait()


def test_a_lock_that_waits_gets_its_turn(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    inside: list[str] = []

    def second() -> None:
        with hold(path, wait=True):
            inside.append("second")

    with hold(path):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.2)
        inside.append("first")
    thread.join()
    assert inside == ["first", "second"]


def test_looking_who_holds_a_free_lock_refuses_nobody(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    path.touch()
    looking = threading.Event()

    def look() -> None:
        while not looking.is_set():
            holder(path)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        for _ in range(50):
            with hold(path):
                pass
    finally:
        looking.set()
        thread.join()


def test_nobody_holds_a_lock_that_was_never_there(tmp_path: Path) -> None:
    assert holder(tmp_path / "none.lock") is None
