"""File locks that only one process can hold, released when it ends for whatever reason."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

PATIENCE_S = 0.2
"""How long `hold` retries, so that a reader checking a free lock (`holder`) never causes a refusal."""


class Held(Exception):
    """Another living process holds the lock."""

    def __init__(self, path: Path, holder: dict[str, Any]) -> None:
        super().__init__(f"{path} is held by process {holder.get('pid', 'unknown')}")
        self.path = path
        self.holder = holder


class Lock:
    """A lock file that this process holds; `announce` gives readers of the file more than the process id."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def announce(self, **facts: Any) -> None:
        """Replace what the file says about its holder."""
        self._file.seek(0)
        self._file.truncate()
        self._file.write(json.dumps({"pid": os.getpid(), **facts}))
        self._file.flush()


@contextmanager
def hold(path: Path, *, wait: bool = False) -> Iterator[Lock]:
    """Hold the lock at `path` inside the block; without `wait`, raises Held if another process has it.

    Raises OSError when the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        if wait:
            fcntl.flock(file, fcntl.LOCK_EX)
        elif not _acquire(file, PATIENCE_S):
            raise Held(path, _facts(path))
        lock = Lock(file)
        lock.announce()
        yield lock


def _acquire(file: IO[str], patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.05)


def holder(path: Path) -> dict[str, Any] | None:
    """What the living holder of the lock announced, or None when nobody holds it."""
    try:
        with path.open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        return _facts(path)
    return None


def _facts(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(path.read_text())
    except (OSError, json.JSONDecodeError):
        return {}
    return facts if isinstance(facts, dict) else {}


def api_lock(home: Path, replica: str = "") -> Path:
    """Held by the one API process of a store, or by each of several that share a Postgres."""
    return home / "locks" / f"api{replica and '-'}{replica}.lock"


def writing_lock(home: Path) -> Path:
    """Held while a file is read, changed and written again."""
    return home / "locks" / "writing.lock"


def worker_lock(home: Path, worker: str) -> Path:
    """Held by the one process that runs as this worker."""
    return home / "locks" / f"worker-{worker}.lock"


def folder_lock(folder: Path) -> Path:
    """Held by the one process that writes into a run's folder."""
    return folder / ".lock"
