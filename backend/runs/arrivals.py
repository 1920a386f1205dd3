"""Keeps the files of other homes' runs up to date for the API, and puts what only its home has into the store."""

import logging
import threading
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from backend.data.store.protocol import StoreError
from backend.data.store.upload import Unsteady
from backend.runs.shared import SharedFiles

log = logging.getLogger(__name__)

EVERY_S = 2.0


class Arrivals:
    """A thread that looks every few seconds; while store or database do not answer, what is here is shown."""

    def __init__(self, opened: Callable[[], SharedFiles], every_s: float = EVERY_S) -> None:
        """`opened` may raise SQLAlchemyError: it is asked again then."""
        self._opened = opened
        self._every_s = every_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="arrivals", daemon=True)
        self._fails = False

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; a copy under way ends with its process."""
        self._stopping.set()

    def _follow(self) -> None:
        while not self._stopping.is_set():
            try:
                shared = self._opened()
                shared.show_runs()
                shared.put_new_places()
                for run in shared.put_old_runs():
                    log.info("run %s was made before the store was set; it is copied", run)
                    if self._stopping.is_set():
                        return
                    shared.show_runs()  # many old runs take long
                shared.drop_removed()
                self._fails = False
            except (StoreError, Unsteady, OSError, SQLAlchemyError) as error:
                if not self._fails and not self._stopping.is_set():
                    log.warning("runs of other homes are shown as they were: %s", str(error).splitlines()[0])
                self._fails = True
            self._stopping.wait(self._every_s)
