"""The worker: takes waiting runs one after the other until it is asked to stop."""

import logging
import math
import shutil
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from sqlalchemy.exc import SQLAlchemyError

from backend.runs.database import open_database
from backend.runs.devices import devices_here
from backend.runs.executor import RunExecutor, brief
from backend.runs.folders import sweep_trash
from backend.runs.locks import Lock
from backend.runs.processes import end_processes, processes_of_worker
from backend.runs.queue import AttemptQueue, launch, shut_down
from backend.runs.states import SILENT_S
from backend.runs.store import RunStore
from backend.settings import Settings

log = logging.getLogger(__name__)

LOOK_S = 0.25
TELL_S = 5.0
"""Seconds between two signs of life, some of which may get lost before a worker counts as silent."""
ORPHAN_PATIENCE_S = 5.0
"""How long processes of a dead worker may take to save; the kernel told them when it died."""
DISK_NEEDED = 512 * 2**20
"""Free bytes at which runs that a full disk paused go on; on a small disk a tenth of it is enough."""
DISK_PAUSE_S = 10.0
"""The shortest pause, so that a run too large for the disk does not try without end."""


def work(settings: Settings, lock: Lock) -> None:
    """Run until SIGTERM or SIGINT; the caller holds the worker's lock."""
    stop = threading.Event()
    _on_signals(stop)
    store = RunStore(open_database(settings))
    executor = RunExecutor(store, settings.home, settings.worker)
    devices = devices_here()
    presence = Presence(store, settings.worker, devices)
    queue = AttemptQueue(executor, store, devices)
    _clear_up(settings, store, executor)
    launch(settings.database_url, settings.home, settings.worker, devices)
    lock.announce(ready=True)
    log.info("worker %s takes runs on %s", settings.worker, ", ".join(devices))
    while not stop.wait(LOOK_S):
        _look(store, queue, presence, settings)
    executor.stop()
    presence.end()
    executor.wait_until_idle()
    shut_down()


class Presence:
    """Announces at intervals that this worker is alive, and which devices it has."""

    def __init__(self, store: RunStore, worker: str, devices: Sequence[str]) -> None:
        self._store, self._worker, self._devices = store, worker, devices
        self._told = -math.inf

    def tell(self) -> None:
        """Announce it, unless that was done a moment ago."""
        if time.monotonic() - self._told >= TELL_S:
            self._store.announce(self._worker, self._devices)
            self._told = time.monotonic()

    def end(self) -> None:
        """Take no more runs; a database that does not answer forgets this worker by itself."""
        with suppress(SQLAlchemyError):
            self._store.withdraw(self._worker)


def _clear_up(settings: Settings, store: RunStore, executor: RunExecutor) -> None:
    """End what a killed predecessor left running, and queue its runs again where they were.

    All waiting runs get new places, so that those which were interrupted come first.
    """
    orphans = processes_of_worker(settings.home, settings.worker)
    if orphans:
        log.warning("ending %d processes that a killed worker left", len(orphans))
        end_processes(orphans, ORPHAN_PATIENCE_S)
    executor.hand_back()
    for row in store.waiting():
        store.pass_over(row.id, row.generation)
    sweep_trash(settings.home)


def _look(store: RunStore, queue: AttemptQueue, presence: Presence, settings: Settings) -> None:
    try:
        presence.tell()
        _resume_after_full_disk(store, settings.home)
        for run in store.release_silent(settings.worker):
            log.warning("the worker of run %s has not been heard of for %.0f s: the run waits again", run, SILENT_S)
        queue.put_waiting()
    except SQLAlchemyError as error:
        log.warning("the database does not answer: %s", brief(error))


def _resume_after_full_disk(store: RunStore, home: Path) -> None:
    paused = store.paused_by("disk_full", for_s=DISK_PAUSE_S)
    if not paused:
        return
    disk = shutil.disk_usage(home)
    if disk.free >= min(DISK_NEEDED, disk.total // 10):
        for row in paused:
            store.resume(row.id)


def _on_signals(stop: threading.Event) -> None:
    def request_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, request_stop)
    signal.signal(signal.SIGINT, request_stop)
