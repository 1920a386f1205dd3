"""The durable queue: DBOS keeps the order and runs one attempt at a time; the table of runs decides what is true.

A run is queued by writing its row, in one statement. The worker then puts a workflow into the queue for every
waiting row, named after run and generation, so that doing it twice has no effect; the API needs no second write
that a crash could lose. A workflow recovered after a kill finds its generation gone by and does nothing.
"""

import logging
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from dbos import (
    DBOS,
    DBOSConfig,
    DBOSConfiguredInstance,
    SetEnqueueOptions,
    SetWorkflowID,
    WorkflowSerializationFormat,
)

from backend.runs.database import driver_url
from backend.runs.devices import has
from backend.runs.executor import RunExecutor
from backend.runs.store import RunStore
from backend.runs.table import RunRow
from backend.settings import sqlite_url

log = logging.getLogger(__name__)

QUEUE = "runs"
"""Of the runs that any worker can carry out; a run that asks for a GPU waits in a queue of its device's."""
SHUT_DOWN_S = 15.0
DEVICE_PATIENCE_S = 60.0
"""How long a run waits for a worker with its device; then another one takes it, and it fails for what is missing."""
APPLICATION_VERSION = "1"
"""Fixed: DBOS recovers only workflows of its own version, and would otherwise hash our source into it."""
POLL_S = 0.25
LOOK_AGAIN_S = 30.0
"""How often a waiting run's workflow is looked at: one that began so long ago and claimed nothing will not."""
FIRST_SECOND = 1_750_000_000
"""Priorities count from this Unix second, in quarters: 17 years fit."""
PER_SECOND = 4
UNDECIDED = ("ENQUEUED", "PENDING", "DELAYED")


@DBOS.dbos_class()
class AttemptQueue(DBOSConfiguredInstance):
    """The queue of attempts of one worker, one at a time."""

    def __init__(self, executor: RunExecutor, store: RunStore, devices: Sequence[str] = ("cpu",)) -> None:
        super().__init__("attempts")
        self._executor = executor
        self._store = store
        self._devices = devices
        self._known: dict[str, float] = {}  # workflow -> when it was last looked at, monotonic

    @DBOS.workflow(max_recovery_attempts=None, serialization_type=WorkflowSerializationFormat.PORTABLE)
    def attempt(self, run_id: str, generation: int) -> str:
        """One attempt at a run of this generation; nothing when the run has moved on."""
        return self._executor.attempt(run_id, generation)

    def put_waiting(self) -> bool:
        """Put every waiting run that this worker is to carry out into the queue that is not in it yet.

        Whether there is any such run.
        """
        any_waits = False
        for row in self._store.waiting():
            workflow, now = f"{row.id}.{row.generation}", time.monotonic()
            looked = self._known.get(workflow)
            if looked is not None and now - looked <= LOOK_AGAIN_S:
                any_waits = True
            elif is_for(self._devices, row, self._store):
                any_waits = True
                self._known[workflow] = now
                self._put(workflow, row, again=looked is not None)
        return any_waits

    def _put(self, workflow: str, row: RunRow, again: bool) -> None:
        """A workflow that ended, or that began long ago, without the run being claimed makes way for a next one.

        Its worker stopped or died between the two; DBOS goes on with what began in a process of the same name only.
        """
        status = DBOS.get_workflow_status(workflow)
        if status is None:
            queue = queue_of(row.device) if has(self._devices, row.device) else QUEUE
            with SetWorkflowID(workflow), SetEnqueueOptions(priority=priority_of(row)):
                DBOS.enqueue_workflow(queue, self.attempt, row.id, row.generation)
        elif status.status not in UNDECIDED or (again and status.status == "PENDING"):
            self._store.pass_over(row.id, row.generation)


def is_for(devices: Sequence[str], row: RunRow, store: RunStore) -> bool:
    """Whether a worker with these devices is to carry out a waiting run.

    It is where the run's device is among them, or where the run has waited for long and no worker has it.
    """
    if has(devices, row.device):
        return True
    elsewhere = any(has(others, row.device) for others in store.workers().values())
    return not elsewhere and store.waited_s(row) > DEVICE_PATIENCE_S


def priority_of(row: RunRow) -> int:
    """DBOS takes the smallest first: who has waited longest. An interrupted run keeps its time, and so is next."""
    return max(1, min(round((row.queued_at - FIRST_SECOND) * PER_SECOND), 2**31 - 1))


def queue_of(device: str) -> str:
    """The queue of the runs that ask for this device: "runs", "runs-cuda", "runs-cuda-1"."""
    return QUEUE if device in ("auto", "cpu") else f"{QUEUE}-{device.replace(':', '-')}"


def launch(database_url: str | None, home: Path, worker: str, devices: Sequence[str]) -> None:
    """Start DBOS for this worker and its devices, on the given database or on a SQLite file of its own in `home`."""
    gpus = [device for device in devices if device != "cpu"]
    queues = [QUEUE, *map(queue_of, ["cuda", *gpus] if gpus else [])]
    config: DBOSConfig = {
        "name": "diswm",
        "system_database_url": driver_url(database_url or sqlite_url(home / "queue.sqlite")),
        "application_version": APPLICATION_VERSION,
        "executor_id": worker,
        "log_level": "WARNING",
    }
    DBOS(config=config)
    DBOS.listen_queues(queues)
    DBOS.launch()
    for queue in queues:
        DBOS.register_queue(queue, worker_concurrency=1, polling_interval_sec=POLL_S)


def shut_down() -> None:
    """End DBOS's threads once the workflow of the last attempt is written down.

    Threads that do not end are left behind: this process ends all the same, every run being handed back by now.
    """
    ending = threading.Thread(target=DBOS.destroy, kwargs={"workflow_completion_timeout_sec": 2}, daemon=True)
    ending.start()
    ending.join(SHUT_DOWN_S)
    if ending.is_alive():
        log.warning("the queue's threads have not ended after %.0f s: they are left behind", SHUT_DOWN_S)
        logging.shutdown()
        os._exit(0)
