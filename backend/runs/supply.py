"""Brings what a claimed run needs from the store, from a thread, before its process starts."""

import logging
import threading
from types import TracebackType
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

from backend.data.store.protocol import ObjectDamaged, ObjectMissing, StoreError
from backend.runs.locks import Held
from backend.runs.shared import SharedFiles
from backend.runs.table import RunRow

log = logging.getLogger(__name__)

RETRY_S = 2.0
MOST_MISSING = 3
"""So often an object may be missing: another run that is read from may have gone on meanwhile."""


class Supply:
    """A thread that brings the files inside the block; at its end it stops, between two objects if need be."""

    def __init__(self, shared: SharedFiles, row: RunRow) -> None:
        self._shared = shared
        self._row = row
        self._halted = threading.Event()
        self._thread = threading.Thread(target=self._bring, name=f"supply-{row.id}", daemon=True)
        self._error: Exception | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._halted.set()
        self._thread.join()

    @property
    def is_done(self) -> bool:
        """Whether all is there, or cannot be brought."""
        return not self._thread.is_alive()

    def check(self) -> None:
        """Raises StoreError or OSError if what the run needs cannot be brought."""
        if self._error is not None:
            raise self._error

    def _bring(self) -> None:
        missing, told = 0, False
        while not self._halted.is_set():
            try:
                self._shared.take_over(self._row, self._halted.is_set)
                return
            except (ObjectDamaged, OSError) as error:
                self._error = error
                return
            except (StoreError, Held, SQLAlchemyError) as error:
                missing += isinstance(error, ObjectMissing)
                if missing >= MOST_MISSING:
                    self._error = error
                    return
                if not told and not self._halted.is_set():
                    log.warning("run %s waits for its files: %s", self._row.id, str(error).splitlines()[0])
                told = True
            self._halted.wait(RETRY_S)
