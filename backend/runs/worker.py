"""The worker: takes waiting runs one at a time until it is asked to stop."""

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
from typing import NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from backend.data.store.opening import HOME_ALONE
from backend.runs.database import one_at_a_time, open_database
from backend.runs.devices import devices_here
from backend.runs.executor import RunExecutor, brief
from backend.runs.folders import run_folder, sweep_trash
from backend.runs.homes import home_id
from backend.runs.locks import folder_lock, holder
from backend.runs.names import taken_name
from backend.runs.processes import end_processes, processes_of_worker
from backend.runs.queue import AttemptQueue, launch, shut_down
from backend.runs.shared import open_shared
from backend.runs.states import SILENT_S
from backend.runs.store import RunStore, this_process
from backend.settings import Settings

log = logging.getLogger(__name__)

LOOK_S = 0.25
TELL_S = 5.0
"""Seconds between heartbeats, some of which may get lost before a worker counts as silent."""
ORPHAN_PATIENCE_S = 5.0
"""How long processes of a dead worker may take to save; the kernel signalled them when it died."""
DISK_NEEDED = 512 * 2**20
"""Free bytes at which runs paused by a full disk continue; on a small disk, a tenth of its size is enough."""
FOLDER_PAUSE_S = 30.0
"""How long a run pauses if another process wrote into its folder; then it continues, if the folder is free."""
STEADY_S = 10.0
"""How long the database must have answered before a worker declares others dead: several of their heartbeats."""
DISK_PAUSE_S = 10.0
"""The shortest pause, so that a run too large for the disk does not retry endlessly."""


class Limits(NamedTuple):
    """When a worker ends by itself, in seconds; None: never."""

    idle_s: float | None = None  # idle for this long
    seconds: float | None = None  # after its start; the current run is saved and waits for the next worker


NO_LIMITS = Limits()


def work(settings: Settings, limits: Limits = NO_LIMITS) -> None:
    """Run until SIGTERM, SIGINT or the limits. Raises ForeignHome, NameTaken, StoreError."""
    stop = threading.Event()
    _on_signals(stop)
    engine = open_database(settings)
    apart = home_id(settings.home)[:8] if settings.store != HOME_ALONE else None
    store, devices = RunStore(engine, owner=this_process(apart)), [*devices_here(), *(f"@{x}" for x in settings.labels)]
    shared = open_shared(settings, store)
    with taken_name(store, settings.home, settings.worker, devices) as (worker, lock):
        executor = RunExecutor(store, settings.home, worker, tracker=settings.tracker, shared=shared)
        presence = Presence(store, worker, devices)
        queue = AttemptQueue(executor, store, devices)
        _clear_up(settings.home, worker, executor)
        with one_at_a_time(engine):  # it creates its own tables
            launch(settings.database_url, settings.home, worker, devices)
        lock.announce(ready=True)
        log.info("worker %s takes runs on %s", worker, ", ".join(devices))
        contact = Contact()
        began = busy_at = time.monotonic()
        while not stop.wait(LOOK_S):
            waits = _look(store, queue, presence, contact, settings.home)
            now = time.monotonic()
            busy_at = now if waits or executor.is_busy else busy_at
            if limits.idle_s is not None and now - busy_at >= limits.idle_s:
                log.info("nothing to do for %.0f s: the worker ends", limits.idle_s)
                break
            if limits.seconds is not None and now - began >= limits.seconds:
                log.info("the worker ends after %.0f minutes, as asked", limits.seconds / 60)
                break
        executor.stop()
        presence.end()
        executor.wait_until_idle()
        shut_down()


class Contact:
    """How long the database has answered without a break: a worker that was just cut off must not judge others."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    def lost(self) -> None:
        """Record that the database did not answer."""
        self._since = time.monotonic()

    @property
    def is_steady(self) -> bool:
        """Whether every living worker has had time to send a heartbeat since the last break."""
        return time.monotonic() - self._since >= STEADY_S


class Presence:
    """Announces at intervals that this worker is alive, and which devices and labels it has."""

    def __init__(self, store: RunStore, worker: str, devices: Sequence[str]) -> None:
        self._store, self.worker, self._devices = store, worker, devices
        self._told = -math.inf

    def tell(self) -> None:
        """Announce it, unless that was done very recently."""
        if time.monotonic() - self._told >= TELL_S:
            if not self._store.announce(self.worker, self._devices):
                log.warning("another process goes by the name %s now: its runs are its own", self.worker)
            self._told = time.monotonic()

    def end(self) -> None:
        """Take no more runs; if the database does not answer, this worker's entry expires."""
        with suppress(SQLAlchemyError):
            self._store.withdraw(self.worker)


def _clear_up(home: Path, worker: str, executor: RunExecutor) -> None:
    """End what a killed predecessor left running, and put its runs back into the queue at their old places."""
    orphans = processes_of_worker(home, worker)
    if orphans:
        log.warning("ending %d processes that a killed worker left", len(orphans))
        end_processes(orphans, ORPHAN_PATIENCE_S)
    executor.hand_back()
    sweep_trash(home)


def _look(store: RunStore, queue: AttemptQueue, presence: Presence, contact: Contact, home: Path) -> bool:
    """Whether any run is known to wait for this worker."""
    try:
        presence.tell()
        _resume_after_full_disk(store, home)
        _resume_where_folder_is_free(store, home)
        if contact.is_steady:
            for run in store.release_silent(presence.worker):
                log.warning("the worker of run %s has not been heard of for %.0f s: the run waits again", run, SILENT_S)
        return queue.put_waiting()
    except SQLAlchemyError as error:
        contact.lost()
        log.warning("the database does not answer: %s", brief(error))
        return True


def _resume_where_folder_is_free(store: RunStore, home: Path) -> None:
    for row in store.paused_by("folder_in_use", for_s=FOLDER_PAUSE_S):
        if holder(folder_lock(run_folder(home, row.id))) is None:
            store.resume(row.id)


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
