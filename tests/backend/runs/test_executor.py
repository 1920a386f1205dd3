"""One attempt at a run with a real process: stopped, fenced, already finished, or never started."""

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from backend.runs.child import start_child
from backend.runs.executor import RunExecutor, Timing
from backend.runs.folders import run_folder
from backend.runs.processes import NICENESS, end_processes, processes_of_run
from backend.runs.states import RunState
from backend.runs.store import Orders, RunStore
from backend.runs.table import RunRow
from tests.support.waiting import until

Add = Callable[..., RunRow]
SETTINGS = {"episodes": 10_000}
QUICK = Timing(poll=0.05, heartbeat=0.2, cancel_grace=1.0, stop_grace=1.0)


@pytest.fixture
def executor(store: RunStore, tmp_path: Path) -> RunExecutor:
    return RunExecutor(store, tmp_path, "w", QUICK)


class Attempt:
    """An attempt in a thread of its own, whose process is there."""

    def __init__(self, executor: RunExecutor, home: Path, run: str) -> None:
        self._answers: list[str] = []
        self._thread = threading.Thread(target=lambda: self._answers.append(executor.attempt(run, 0)))
        self._thread.start()
        until(lambda: bool(processes_of_run(home, run)))

    def answer(self) -> str:
        self._thread.join(30)
        return self._answers[0]


def test_a_stopped_executor_hands_its_run_back(
    executor: RunExecutor, store: RunStore, add: Add, tmp_path: Path
) -> None:
    add("run-a", settings=SETTINGS)
    attempt = Attempt(executor, tmp_path, "run-a")
    executor.stop()
    assert attempt.answer() == RunState.QUEUED
    assert processes_of_run(tmp_path, "run-a") == []
    row = store.get("run-a")
    assert row is not None and (row.state, row.generation, row.stalled) == (RunState.QUEUED, 1, 0)
    assert executor.attempt("run-a", 1) == "not claimed"


class Unfenced(RunStore):
    """A store without fencing: the last writer wins."""

    def orders(self, run_id: str, attempt: int) -> Orders:
        return Orders(current=True, cancel=super().orders(run_id, attempt).cancel)

    def requeue(self, run_id: str, _attempt: int, **values: Any) -> RunRow | None:
        row = self.get(run_id)
        return None if row is None else super().requeue(run_id, row.attempt, **values)


def _lose(store: RunStore, home: Path, add: Add) -> tuple[str, RunRow]:
    """What an attempt answers whose run another worker took before its process died, and the row after it."""
    add("run-a", settings=SETTINGS)
    attempt = Attempt(RunExecutor(store, home, "w", QUICK), home, "run-a")
    store.requeue("run-a", 1, stalled=0, furthest={})
    store.claim("run-a", 1, "other")
    end_processes(processes_of_run(home, "run-a"), patience_s=1)
    answer, row = attempt.answer(), store.get("run-a")
    assert row is not None
    return answer, row


def test_an_executor_that_lost_its_run_ends_its_process_and_writes_nothing(
    store: RunStore, add: Add, tmp_path: Path
) -> None:
    answer, row = _lose(store, tmp_path, add)
    assert answer == "taken by another worker"
    assert processes_of_run(tmp_path, "run-a") == []
    assert (row.state, row.worker, row.attempt, row.generation) == (RunState.RUNNING, "other", 2, 1)


def test_without_the_fence_the_loser_takes_the_run_from_its_holder(engine: Engine, add: Add, tmp_path: Path) -> None:
    """Negative control of the test above."""
    answer, row = _lose(Unfenced(engine), tmp_path, add)
    assert answer == row.state == RunState.QUEUED
    assert row.generation == 2


def test_what_an_attempt_that_lost_the_run_left_is_ended_before_the_next_begins(
    executor: RunExecutor, add: Add, tmp_path: Path
) -> None:
    row = add("run-a", settings=SETTINGS)
    row.worker = "stands still"
    left = start_child(row, tmp_path)
    attempt = Attempt(executor, tmp_path, "run-a")
    until(lambda: left.poll() is not None and bool(processes_of_run(tmp_path, "run-a")))
    successor = min(processes_of_run(tmp_path, "run-a"))
    left.stop(grace_s=0)  # as its worker does when it goes on
    assert successor in processes_of_run(tmp_path, "run-a")
    executor.stop()
    assert attempt.answer() == RunState.QUEUED


def test_a_run_gives_way_to_whoever_waits_for_an_answer(executor: RunExecutor, add: Add, tmp_path: Path) -> None:
    add("run-a", settings=SETTINGS)
    attempt = Attempt(executor, tmp_path, "run-a")
    process = min(processes_of_run(tmp_path, "run-a"))
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    until(lambda: os.getpriority(os.PRIO_PROCESS, process) == min(ours + NICENESS, 19))
    executor.stop()
    assert attempt.answer() == RunState.QUEUED


def test_a_cancelled_run_is_ended_with_its_process(
    executor: RunExecutor, store: RunStore, add: Add, tmp_path: Path
) -> None:
    add("run-a", settings=SETTINGS)
    attempt = Attempt(executor, tmp_path, "run-a")
    store.cancel("run-a")
    assert attempt.answer() == RunState.CANCELLED
    assert processes_of_run(tmp_path, "run-a") == []


def test_a_run_that_finished_while_its_worker_died_is_not_carried_out_again(
    executor: RunExecutor, store: RunStore, add: Add, tmp_path: Path
) -> None:
    add("run-a")
    folder = run_folder(tmp_path, "run-a")
    folder.mkdir(parents=True)
    (folder / "result.json").write_text('{"run": "run-a", "dataset": "run-a"}')
    assert executor.attempt("run-a", 0) == RunState.SUCCEEDED
    row = store.get("run-a")
    assert row is not None and row.result == {"run": "run-a", "dataset": "run-a"}
    assert not (folder / "log.txt").exists()


def test_a_run_whose_folder_cannot_be_made_fails_in_the_end(
    executor: RunExecutor, store: RunStore, add: Add, tmp_path: Path
) -> None:
    add("run-a")
    (tmp_path / "runs").write_text("in the way")
    assert [executor.attempt("run-a", generation) for generation in range(3)] == ["queued", "queued", "failed"]
    row = store.get("run-a")
    assert row is not None and row.error is not None and "could not be executed" in row.error["message"]


def test_what_a_dead_worker_held_is_queued_again_or_cancelled(executor: RunExecutor, store: RunStore, add: Add) -> None:
    for name in ("run-a", "run-b"):
        add(name)
        store.claim(name, 0, "w")
    add("run-c")
    store.claim("run-c", 0, "other")
    store.cancel("run-b")
    executor.hand_back()
    states = {name: row.state for name in ("run-a", "run-b", "run-c") if (row := store.get(name))}
    assert states == {"run-a": RunState.QUEUED, "run-b": RunState.CANCELLED, "run-c": RunState.RUNNING}


class Deaf(RunStore):
    """A store that answers once and then fails."""

    deaf = False

    def beat(self, run_id: str, attempt: int) -> bool:
        if self.deaf:
            raise OperationalError("UPDATE runs", {}, Exception("no route to the database"))
        return super().beat(run_id, attempt)


def test_a_worker_that_cannot_be_heard_saves_its_run_before_another_may_take_it(
    engine: Engine, add: Add, clock: Any, tmp_path: Path
) -> None:
    add("run-a", settings=SETTINGS)
    store = Deaf(engine, clock)
    attempt = Attempt(RunExecutor(store, tmp_path, "w", replace(QUICK, lease=1.0)), tmp_path, "run-a")
    store.deaf = True
    assert attempt.answer() == RunState.QUEUED
    assert processes_of_run(tmp_path, "run-a") == []
    row = store.get("run-a")
    assert row is not None and (row.attempt, row.stalled) == (1, 0)
