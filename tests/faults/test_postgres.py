"""Several processes on one Postgres: simultaneous first start, outage, another home, a worker lost before its claim."""

import time
from pathlib import Path
from typing import Any

import pytest
from dbos import DBOSClient
from sqlalchemy import text

from backend.runs.database import driver_url
from backend.runs.locks import holder, worker_lock
from backend.runs.queue import QUEUE
from backend.runs.states import RunState
from tests.faults.conftest import Store
from tests.support.forks import Forks
from tests.support.postgres import Server


@pytest.fixture
def shared(postgres: Server, forks: Forks, tmp_path: Path) -> Any:
    """A store on Postgres, its tables not yet made."""
    store = Store(tmp_path, forks, postgres.database(), opened=False)
    yield store
    store.end()


@pytest.mark.slow
def test_workers_that_start_together_on_an_empty_database_each_take_a_name(shared: Store) -> None:
    for _ in range(3):
        shared.fork("worker")
    names = ("worker-1", "worker-2", "worker-3")
    shared.until(lambda: all((holder(worker_lock(shared.home, name)) or {}).get("ready") for name in names), 60)


@pytest.mark.slow
def test_an_outage_of_the_database_costs_a_healthy_run_nothing(shared: Store, postgres: Server) -> None:
    shared.open()
    shared.add_dataset()
    run = shared.pretrain(updates=50_000, checkpoint_every=40_000)
    worker = shared.fork("worker")
    shared.until(lambda: shared.done(run) > 5)
    process = shared.leaders(run)
    postgres.stop()
    time.sleep(6)
    before = shared.done(run)
    postgres.start()
    shared.until(lambda: shared.done(run) > before + 20)
    shared.until(lambda: _heard_of(shared, run))
    assert shared.leaders(run) == process
    assert (shared.row(run).state, shared.row(run).attempt) == (RunState.RUNNING, 1)
    shared.kill(worker)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["worker", "serve"])
def test_a_process_of_another_home_is_refused(shared: Store, tmp_path: Path, command: str) -> None:
    shared.open()
    other = shared.fork(command, DISWM_HOME=str(tmp_path / "elsewhere"))
    assert shared.finish(other) == 78
    assert "belong to another DISWM_HOME" in (shared.home / f"{command}.txt").read_text()


@pytest.mark.slow
def test_a_run_whose_worker_died_between_queue_and_claim_is_taken_by_the_next(shared: Store) -> None:
    shared.open()
    shared.add_dataset()
    run = shared.pretrain(updates=20)
    worker = shared.fork("worker", DISWM_WORKER="lost")
    shared.until(lambda: shared.row(run).state == RunState.SUCCEEDED)
    shared.kill(worker)
    run = shared.pretrain(updates=20)
    _begun_and_lost(shared, run)
    shared.fork("worker", DISWM_WORKER="next", constants={"backend.runs.queue:LOOK_AGAIN_S": 3.0})
    shared.until(lambda: shared.row(run).state == RunState.SUCCEEDED)


def _begun_and_lost(shared: Store, run: str) -> None:
    """The state that a worker leaves which is killed after it took a workflow and before it claimed the run."""
    assert shared.settings.database_url is not None
    client = DBOSClient(system_database_url=driver_url(shared.settings.database_url))
    options = {
        "queue_name": QUEUE,
        "workflow_name": "AttemptQueue.attempt",
        "workflow_id": f"{run}.0",
        "class_name": "AttemptQueue",
        "instance_name": "attempts",
    }
    client.enqueue(options, run, 0)  # type: ignore[arg-type]
    client.destroy()
    with shared.engine.begin() as connection:
        changed = connection.execute(
            text("UPDATE dbos.workflow_status SET status = 'PENDING', executor_id = 'lost' WHERE workflow_uuid = :id"),
            {"id": f"{run}.0"},
        )
        assert changed.rowcount == 1


def _heard_of(shared: Store, run: str) -> bool:
    """Whether the run's worker wrote a sign of life in the last seconds."""
    row = shared.row(run)
    return row.heartbeat_at is not None and shared.service.store.now() - row.heartbeat_at < 5
