"""What a worker maintains between runs."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from backend.runs import worker
from backend.runs.folders import run_folder
from backend.runs.locks import folder_lock, hold
from backend.runs.states import RunState
from backend.runs.store import RunStore
from tests.backend.runs.conftest import Clock

IN_USE = {"type": "folder_in_use", "message": "another process writes into this run's folder", "hint": ""}


def test_a_run_whose_folder_was_in_use_goes_on_by_itself_once_it_is_free(
    store: RunStore, add: Any, clock: Clock, tmp_path: Path
) -> None:
    add("run-a")
    store.claim("run-a", 0, "w")
    store.finish("run-a", 1, RunState.PAUSED, error=IN_USE)
    with hold(folder_lock(run_folder(tmp_path, "run-a"))):
        clock.now += worker.FOLDER_PAUSE_S + 1
        worker._resume_where_folder_is_free(store, tmp_path)
        assert store.counts() == {RunState.PAUSED: 1}
    worker._resume_where_folder_is_free(store, tmp_path)
    assert store.counts() == {RunState.QUEUED: 1}


def test_a_worker_that_was_deaf_a_moment_ago_takes_nobody_for_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(worker.time, "monotonic", lambda: now)
    contact = worker.Contact()
    now += worker.STEADY_S - 1
    assert not contact.is_steady
    contact.lost()
    now += worker.STEADY_S - 1
    assert not contact.is_steady
    now += 2
    assert contact.is_steady


def test_a_worker_starts_without_torch() -> None:
    """It only starts the runs, each in a process of its own: it takes no second and no memory for what they load."""
    program = "import sys, backend.runs.worker; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "scipy", "sklearn", "fastapi"} & set(loaded)
