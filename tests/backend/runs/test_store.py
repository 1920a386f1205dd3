"""The table of runs: one statement per change, so that nothing happens twice."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlmodel import Session, col, select, update

from backend.runs.states import SILENT_S, RunState
from backend.runs.store import RunStore
from backend.runs.table import RunRow

Add = Callable[..., RunRow]


def _together(number: int, work: Callable[[], object]) -> list[object]:
    """What `work` answers in `number` threads that begin at once."""
    barrier = threading.Barrier(number)
    answers: list[object] = []

    def begin() -> None:
        barrier.wait()
        answers.append(work())

    threads = [threading.Thread(target=begin) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_a_run_is_claimed_once_by_many_claimants(store: RunStore, add: Add) -> None:
    for round_number in range(10):
        add(f"r{round_number}")
        answers = _together(8, partial(store.claim, f"r{round_number}", 0, "w"))
        assert sum(answer is not None for answer in answers) == 1


def test_claiming_by_reading_first_takes_a_run_twice(store: RunStore, add: Add) -> None:
    """Negative control: the test above can fail."""
    twice = 0
    for round_number in range(10):
        run = f"r{round_number}"
        add(run)
        read = threading.Barrier(4)

        def naive(run: str = run, read: threading.Barrier = read) -> bool:
            with Session(store._engine) as session:
                free = session.exec(select(RunRow.state).where(RunRow.id == run)).one() == RunState.QUEUED
                read.wait()
                if free:
                    session.exec(update(RunRow).where(col(RunRow.id) == run).values(state=RunState.RUNNING))
                    session.commit()
                return free

        twice += sum(bool(answer) for answer in _together(4, naive)) > 1
    assert twice > 0


def test_a_claim_of_an_earlier_generation_takes_nothing(store: RunStore, add: Add) -> None:
    add("a")
    store.pass_over("a", 0)
    assert store.claim("a", 0, "w") is None
    claimed = store.claim("a", 1, "w")
    assert claimed is not None
    assert (claimed.state, claimed.attempt, claimed.worker) == (RunState.RUNNING, 1, "w")


def test_only_the_newest_attempt_may_write(store: RunStore, add: Add) -> None:
    add("a")
    first = store.claim("a", 0, "w")
    assert first is not None
    assert store.requeue("a", 1, stalled=0, furthest={}) is not None
    second = store.claim("a", 1, "w")
    assert second is not None and second.attempt == 2
    assert not store.beat("a", first.attempt)
    assert store.finish("a", first.attempt, RunState.FAILED) is None
    assert store.requeue("a", first.attempt, stalled=1, furthest={}) is None
    assert not store.orders("a", first.attempt).current
    assert store.orders("a", second.attempt).current
    assert store.finish("a", second.attempt, RunState.SUCCEEDED, result={"run": "a"}) is not None


def test_a_waiting_run_is_cancelled_at_once(store: RunStore, add: Add) -> None:
    add("a")
    cancelled = store.cancel("a")
    assert cancelled is not None and cancelled.state == RunState.CANCELLED
    assert cancelled.finished_at is not None
    assert store.claim("a", 0, "w") is None


def test_a_running_run_is_asked_to_end(store: RunStore, add: Add) -> None:
    add("a")
    store.claim("a", 0, "w")
    asked = store.cancel("a")
    assert asked is not None and asked.state == RunState.RUNNING and asked.finished_at is None
    assert store.orders("a", 1).cancel


def test_a_run_asked_to_end_is_not_queued_again(store: RunStore, add: Add) -> None:
    add("a")
    store.claim("a", 0, "w")
    store.cancel("a")
    assert store.requeue("a", 1, stalled=0, furthest={}) is None
    assert store.finish("a", 1, RunState.CANCELLED) is not None


def test_a_run_of_a_silent_worker_is_cancelled_at_once_and_fenced(store: RunStore, add: Add, clock: Any) -> None:
    add("a")
    store.claim("a", 0, "w")
    clock.now += SILENT_S + 1
    cancelled = store.cancel("a")
    assert cancelled is not None and cancelled.state == RunState.CANCELLED
    assert not store.beat("a", 1)


def test_runs_of_other_workers_that_fell_silent_wait_again_and_are_fenced(
    store: RunStore, add: Add, clock: Any
) -> None:
    for name, worker in {"a": "silent", "b": "silent", "c": "living", "d": "me"}.items():
        add(name)
        store.claim(name, 0, worker)
    store.cancel("b")
    clock.now += SILENT_S + 1
    store.beat("c", 1)
    assert sorted(store.release_silent("me")) == ["a", "b"]
    assert store.release_silent("me") == []
    states = {name: row.state for name in "abcd" if (row := store.get(name))}
    assert states == {
        "a": RunState.QUEUED,
        "b": RunState.CANCELLED,
        "c": RunState.RUNNING,
        "d": RunState.RUNNING,  # its own worker knows better
    }
    assert not store.beat("a", 1)
    taken = store.claim("a", 1, "me")
    assert taken is not None and taken.attempt == 2
    assert store.finish("a", 1, RunState.FAILED) is None


@pytest.mark.parametrize("state", [RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED, RunState.DIVERGED])
def test_a_finished_run_cannot_be_cancelled(store: RunStore, add: Add, state: RunState) -> None:
    add("a", state=state)
    assert store.cancel("a") is None


@pytest.mark.parametrize("state", list(RunState))
def test_resume_takes_up_paused_failed_and_cancelled_runs_only(store: RunStore, add: Add, state: RunState) -> None:
    add("a", state=state, stalled=3, error={"type": "error"})
    resumed = store.resume("a")
    if state in (RunState.PAUSED, RunState.FAILED, RunState.CANCELLED):
        assert resumed is not None
        assert (resumed.state, resumed.generation, resumed.stalled, resumed.error) == (RunState.QUEUED, 1, 0, None)
    else:
        assert resumed is None


def test_pages_of_runs_hold_each_run_once(store: RunStore, add: Add) -> None:
    for number in range(7):
        add(f"r{number}")
    seen: list[str] = []
    before = None
    while rows := store.newest(limit=3, before=before):
        seen += [row.id for row in rows]
        before = (rows[-1].created_at, rows[-1].id)
    assert seen == [f"r{number}" for number in reversed(range(7))]


def test_an_idempotency_key_is_taken_once(store: RunStore, add: Add) -> None:
    first = add("a", idempotency_key="k")
    copy = RunRow(**(first.model_dump() | {"id": "b"}))
    assert store.insert(copy) is None
    found = store.find_by_key("k")
    assert found is not None and found.id == "a"
    assert store.get("b") is None


def test_waiting_runs_come_longest_waiting_first_and_a_retry_after_an_error_goes_last(
    store: RunStore, add: Add, clock: Any
) -> None:
    for name in "abc":
        add(name)
    store.claim("a", 0, "w")
    clock.now += 1
    store.requeue("a", 1, stalled=0, furthest={})
    assert [row.id for row in store.waiting()] == ["a", "b", "c"]
    store.claim("a", 1, "w")
    store.requeue("a", 2, stalled=1, furthest={}, error={"type": "crashed"})
    assert [row.id for row in store.waiting()] == ["b", "c", "a"]


def test_counts_say_how_many_runs_each_state_has(store: RunStore, add: Add) -> None:
    add("a")
    add("b")
    add("c", state=RunState.FAILED)
    assert store.counts() == {"queued": 2, "failed": 1}


def test_a_run_that_waits_or_runs_is_not_removed(store: RunStore, add: Add) -> None:
    add("a")
    assert not store.remove("a")
    store.claim("a", 0, "w")
    assert not store.remove("a")
    store.finish("a", 1, RunState.FAILED)
    assert store.remove("a")
    assert store.get("a") is None
