"""Starts the process that sends a run's metrics, and tells it when the run has ended."""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger(__name__)

CREDENTIALS = ("MLFLOW_", "WANDB_")
"""Variables that begin so are for this process alone: a run does not need them."""
NOT_NEEDED = ("DISWM_TOKEN", "DISWM_DATABASE_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


class Beside:
    """A process that sends; it ends by itself soon after `end`."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def end(self) -> None:
        """Tell it that the run has ended, and do not wait."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        threading.Thread(target=self._process.wait, daemon=True).start()

    def wait(self) -> None:
        """Until it has sent the rest or given up, which it does within about a minute."""
        self._process.wait()


@contextmanager
def sent_beside(folder: Path, tracker: str | None, log_file: Path | None = None) -> Iterator[Beside | None]:
    """Sends the metrics of the run inside the block; None without a tracker, or if no process can be started.

    Its sentences go to `log_file`, else to the standard error of this process.
    """
    beside = None if tracker is None else _started(folder, tracker, log_file)
    try:
        yield beside
    finally:
        if beside is not None:
            beside.end()


def _started(folder: Path, tracker: str, log_file: Path | None) -> Beside | None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (log_file or Path(os.devnull)).open("ab") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "backend.runs.tracking.beside", str(folder), tracker],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=file if log_file is not None else None,
                start_new_session=True,
                env={name: value for name, value in os.environ.items() if name not in NOT_NEEDED},
            )
    except OSError as error:
        log.warning("metrics of %s are not sent: %s", folder.name, error.strerror)
        return None
    return Beside(process)
