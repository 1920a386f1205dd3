"""The durable queue: DBOS keeps the order and runs one attempt at a time; the table of runs is authoritative.

A run is queued by writing its row, in one statement. The worker then puts a workflow into the queue for every
waiting row, named after run and generation, so that doing it twice has no effect; so the API needs no second write
that a crash could lose. A workflow recovered after a kill finds that its generation is over and does nothing.
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
from backend.runs.devices import apart, has, labels_in, without_labels
from backend.runs.executor import RunExecutor
from backend.runs.store import RunStore
from backend.runs.table import RunRow
from backend.settings import sqlite_url

log = logging.getLogger(__name__)

QUEUE = "runs"
"""The queue of runs that any worker can execute; a run that asks for a GPU or a label waits in a queue of its own."""
SHUT_DOWN_S = 15.0
DEVICE_PATIENCE_S = 60.0
"""How long a run waits for a worker with its device; then another one takes it, and it fails without the device."""
APPLICATION_VERSION = "1"
"""Fixed: DBOS recovers only workflows of its own version, and would otherwise hash our source into it."""
POLL_S = 0.25
LOOK_AGAIN_S = 30.0
"""How often a waiting run's workflow is checked: one that began this long ago without claiming the run never will."""
FIRST_SECOND = 1_750_000_000
"""Priorities count quarter seconds from this Unix second: 17 years fit."""
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
        self._known: dict[str, float] = {}  # workflow -> when it was last checked, monotonic

    @DBOS.workflow(max_recovery_attempts=None, serialization_type=WorkflowSerializationFormat.PORTABLE)
    def attempt(self, run_id: str, generation: int) -> str:
        """One attempt at a run of this generation; does nothing if the run has moved on."""
        return self._executor.attempt(run_id, generation)

    def put_waiting(self) -> bool:
        """Queue every waiting run for this worker that is not in the queue yet.

        Returns whether any run waits for this worker.
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
        """A workflow that ended, or began long ago, without claiming the run is replaced by a new one.

        Its worker stopped or died in between; DBOS only recovers what began in a process of the same name.
        """
        status = DBOS.get_workflow_status(workflow)
        if status is None:
            queue = queue_of(row.device) if has(self._devices, row.device) else QUEUE
            with SetWorkflowID(workflow), SetEnqueueOptions(priority=priority_of(row)):
                DBOS.enqueue_workflow(queue, self.attempt, row.id, row.generation)
        elif status.status not in UNDECIDED or (again and status.status == "PENDING"):
            self._store.pass_over(row.id, row.generation)


def is_for(devices: Sequence[str], row: RunRow, store: RunStore) -> bool:
    """Whether a worker with these devices should execute a waiting run.

    It should if it has the run's device, or if the run has waited for long and no worker has that device. A run with a
    label waits for a worker that has it, for however long.
    """
    if has(devices, row.device):
        return True
    if apart(row.device)[1] is not None:
        return False
    elsewhere = any(has(others, row.device) for others in store.workers().values())
    return not elsewhere and store.waited_s(row) > DEVICE_PATIENCE_S


def priority_of(row: RunRow) -> int:
    """DBOS takes the smallest first: the run that waited longest. An interrupted run keeps its time, so it is next."""
    return max(1, min(round((row.queued_at - FIRST_SECOND) * PER_SECOND), 2**31 - 1))


def queue_of(device: str) -> str:
    """The queue of the runs that ask for this device: "runs", "runs-cuda", "runs-cuda-1", "runs-auto@big"."""
    return QUEUE if device in ("auto", "cpu") else f"{QUEUE}-{device.replace(':', '-')}"


def queues_of(devices: Sequence[str]) -> list[str]:
    """The queues that a worker with these devices and labels takes runs from."""
    gpus = [device for device in without_labels(devices) if device != "cpu"]
    asked = ["auto", "cpu", *(["cuda", *gpus] if gpus else [])]
    labelled = [f"{device}@{label}" for label in labels_in(devices) for device in asked]
    return list(dict.fromkeys(map(queue_of, [*asked, *labelled])))


def launch(database_url: str | None, home: Path, worker: str, devices: Sequence[str]) -> None:
    """Start DBOS for this worker and its devices, on the given database or on a separate SQLite file in `home`."""
    queues = queues_of(devices)
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
    """End DBOS's threads once the workflow of the last attempt is recorded.

    Threads that do not end are left behind: this process ends anyway, as all runs are back in the queue by now.
    """
    ending = threading.Thread(target=DBOS.destroy, kwargs={"workflow_completion_timeout_sec": 2}, daemon=True)
    ending.start()
    ending.join(SHUT_DOWN_S)
    if ending.is_alive():
        log.warning("the queue's threads have not ended after %.0f s: they are left behind", SHUT_DOWN_S)
        logging.shutdown()
        os._exit(0)
