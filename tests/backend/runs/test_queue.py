"""Which worker takes which waiting run."""

from collections.abc import Callable
from typing import Any

import pytest

from backend.runs.devices import devices_here
from backend.runs.queue import DEVICE_PATIENCE_S, is_for, priority_of, queue_of, queues_of
from backend.runs.states import SILENT_S
from backend.runs.store import RunStore
from backend.runs.table import RunRow

Add = Callable[..., RunRow]


@pytest.mark.parametrize(
    ("device", "queue"),
    [("auto", "runs"), ("cpu", "runs"), ("cuda", "runs-cuda"), ("cuda:0", "runs-cuda-0"), ("cuda:11", "runs-cuda-11")],
)
def test_runs_of_one_device_wait_in_one_queue(device: str, queue: str) -> None:
    assert queue_of(device) == queue


def test_a_run_is_left_to_the_worker_that_has_its_device(store: RunStore, add: Add) -> None:
    row = add("run-a", device="cuda")
    assert is_for(["cpu", "cuda:0"], row, store)
    assert not is_for(["cpu"], row, store)
    assert is_for(["cpu"], add("run-b", device="auto"), store)


def test_a_run_with_a_label_waits_for_a_worker_that_has_it(store: RunStore, add: Add, clock: Any) -> None:
    row = add("run-a", device="cuda@a100")
    clock.now += DEVICE_PATIENCE_S + 1
    assert not is_for(["cpu", "cuda:0"], row, store)
    assert not is_for(["cpu", "@a100"], row, store)
    assert is_for(["cpu", "cuda:0", "@a100", "@big"], row, store)
    assert queues_of(["cpu", "@big"]) == ["runs", "runs-auto@big", "runs-cpu@big"]
    assert queue_of("cuda@a100") in queues_of(["cpu", "cuda:0", "@a100"])


def test_a_run_that_nobody_can_carry_out_is_taken_after_a_while_and_says_why(
    store: RunStore, add: Add, clock: Any
) -> None:
    """Its process then refuses the device with a sentence; otherwise the run would wait for ever."""
    row = add("run-a", device="cuda:1")
    clock.now += DEVICE_PATIENCE_S + 1
    store.announce("gpu", ["cpu", "cuda:0", "cuda:1"])
    assert not is_for(["cpu"], row, store)
    clock.now += DEVICE_PATIENCE_S + 1  # that worker has fallen silent
    assert is_for(["cpu"], row, store)


def test_workers_are_known_until_they_fall_silent(store: RunStore, clock: Any) -> None:
    store.announce("one", ["cpu"])
    store.announce("one", ["cpu", "cuda:0"])
    assert store.workers() == {"one": ["cpu", "cuda:0"]}
    clock.now += SILENT_S + 1
    assert store.workers() == {}
    store.announce("two", ["cpu"])
    store.withdraw("two")
    assert store.workers() == {}


def test_this_machine_has_a_processor() -> None:
    assert devices_here()[0] == "cpu"


def test_who_waited_longest_is_next_an_interrupted_run_before_later_ones(store: RunStore, add: Add) -> None:
    first, second = add("run-a"), add("run-b")
    assert priority_of(first) <= priority_of(second)
    early, late = (RunRow(**first.model_dump() | {"queued_at": at}) for at in (1_800_000_000.0, 1_800_000_000.5))
    assert 1 < priority_of(early) < priority_of(late) < 2**31
    store.claim("run-a", 0, "w")
    back = store.requeue("run-a", 1, stalled=0, furthest={})
    assert back is not None and back.queued_at == first.queued_at
