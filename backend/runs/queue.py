"""The durable queue: DBOS keeps the order and runs one attempt at a time; the table of runs decides what is true.

A run is queued by writing its row, in one statement. The worker then puts a workflow into the queue for every
waiting row, named after run and generation, so that doing it twice is doing it once; the API needs no second write
that a crash could lose. A workflow recovered after a kill finds its generation gone by and does nothing.
"""

from pathlib import Path

from dbos import DBOS, DBOSConfig, DBOSConfiguredInstance, SetWorkflowID, WorkflowSerializationFormat

from backend.runs.executor import RunExecutor
from backend.runs.store import RunStore
from backend.settings import sqlite_url

QUEUE = "runs"
APPLICATION_VERSION = "1"
"""Fixed: DBOS recovers only workflows of its own version, and would otherwise hash our source into it."""
POLL_S = 0.25
UNDECIDED = ("ENQUEUED", "PENDING", "DELAYED")


@DBOS.dbos_class()
class AttemptQueue(DBOSConfiguredInstance):
    """The queue of attempts of one worker, one at a time."""

    def __init__(self, executor: RunExecutor, store: RunStore) -> None:
        super().__init__("attempts")
        self._executor = executor
        self._store = store
        self._known: set[str] = set()

    @DBOS.workflow(max_recovery_attempts=None, serialization_type=WorkflowSerializationFormat.PORTABLE)
    def attempt(self, run_id: str, generation: int) -> str:
        """One attempt at a run of this generation; nothing when the run has moved on."""
        return self._executor.attempt(run_id, generation)

    def put_waiting(self) -> None:
        """Put every waiting run into the queue that is not in it yet."""
        for row in self._store.waiting():
            workflow = f"{row.id}.{row.generation}"
            if workflow not in self._known:
                self._known.add(workflow)
                self._put(workflow, row.id, row.generation)

    def _put(self, workflow: str, run_id: str, generation: int) -> None:
        """A workflow that already ended (its worker stopped before the claim) makes way for a next generation."""
        status = DBOS.get_workflow_status(workflow)
        if status is not None and status.status not in UNDECIDED:
            self._store.pass_over(run_id, generation)
            return
        with SetWorkflowID(workflow):
            DBOS.enqueue_workflow(QUEUE, self.attempt, run_id, generation)


def launch(database_url: str | None, home: Path, worker: str) -> None:
    """Start DBOS for this worker, on the given database or on a SQLite file of its own in `home`."""
    config: DBOSConfig = {
        "name": "diswm",
        "system_database_url": database_url or sqlite_url(home / "queue.sqlite"),
        "application_version": APPLICATION_VERSION,
        "executor_id": worker,
        "log_level": "WARNING",
    }
    DBOS(config=config)
    DBOS.launch()
    DBOS.register_queue(QUEUE, worker_concurrency=1, polling_interval_sec=POLL_S)


def shut_down() -> None:
    """End DBOS's threads once the workflow of the last attempt is written down."""
    DBOS.destroy(workflow_completion_timeout_sec=2)
