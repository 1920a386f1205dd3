"""Copies the folder of an attempt into the store every few seconds, and completely at its end."""

import logging
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

from backend.data.store.protocol import HaltableObjects, StoreError
from backend.data.store.upload import Unsteady, Upload
from backend.runs.folders import run_folder
from backend.runs.shared import SharedFiles
from backend.runs.table import RunRow

log = logging.getLogger(__name__)

EVERY_S = 5.0
SHARE = 0.1
"""The most of its time that a worker copies for: after a long copy it pauses for longer."""
RETRY_S = 2.0


class Mirror:
    """Copies in a thread inside the block; what it puts counts only as long as the attempt is the current one."""

    def __init__(self, shared: SharedFiles, row: RunRow, every_s: float = EVERY_S) -> None:
        self._shared = shared
        self._row = row
        self._folder: Path = run_folder(shared.home, row.id)
        self._every_s = every_s
        self._upload: Upload | None = None
        self._published: str | None = None
        self._ended, self._halted = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._follow, name=f"mirror-{row.id}", daemon=True)
        self._failing_since: float | None = None  # monotonic
        self.is_complete = False
        """Whether the store has everything, and that counts."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._halted.set()
        self._ended.set()
        self._thread.join()

    def end(self) -> None:
        """The attempt's process has ended: copy once more, until that succeeds."""
        self._ended.set()

    @property
    def is_done(self) -> bool:
        """Whether nothing more will be copied."""
        return not self._thread.is_alive()

    @property
    def failing_s(self) -> float:
        """For how long the store has failed; 0 while it works."""
        since = self._failing_since
        return 0.0 if since is None else max(1e-3, time.monotonic() - since)

    def _follow(self) -> None:
        pause = self._every_s
        while not self._halted.is_set():
            self._halted.wait(pause) if self._ended.is_set() and self._failing_since else self._ended.wait(pause)
            last, began = self._ended.is_set(), time.monotonic()
            try:
                current = self._copy()
            except (StoreError, Unsteady, OSError, SQLAlchemyError) as error:
                self._note(error)
                pause = RETRY_S
                continue
            self._failing_since = None
            self.is_complete = last and current
            if last or not current:
                return
            pause = max(self._every_s, (time.monotonic() - began) / SHARE)

    def _copy(self) -> bool:
        """Whether the attempt is still the current one."""
        if self._upload is None:
            self._upload = self._shared.upload_of(self._row)
            self._upload.objects = HaltableObjects(self._shared.objects, self._halted.is_set)
        key = self._upload.put(self._folder)
        if key == self._published:
            return True
        if not self._shared.rows.publish(self._row.id, self._row.attempt, key, self._shared.home_id):
            return False
        self._published = key
        self._upload.accept(key)
        return True

    def _note(self, error: Exception) -> None:
        if self._failing_since is None and not self._halted.is_set():
            self._failing_since = time.monotonic()
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            log.warning("the files of run %s are not copied, trying again: %s", self._row.id, reason)
