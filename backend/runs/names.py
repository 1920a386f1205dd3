"""Names of workers: each belongs to one living process across all machines; the default is the first free name."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple

from backend.runs.locks import Held, Lock, hold, worker_lock
from backend.runs.states import SILENT_S
from backend.runs.store import RunStore

FIRST = "worker-1"


class NameTaken(Exception):
    """Another living worker has the name; the message says where."""


class Taken(NamedTuple):
    """A name that this process owns, and the lock file that records it on this disk."""

    name: str
    lock: Lock


@contextmanager
def taken_name(store: RunStore, home: Path, wish: str | None, devices: Sequence[str]) -> Iterator[Taken]:
    """Hold a worker's name inside the block: the requested one, else the first free of worker-1, worker-2 and so on.

    Raises NameTaken if another living process has the requested name.
    """
    for name in (wish,) if wish else (f"worker-{number}" for number in count(1)):
        try:
            with hold(worker_lock(home, name)) as lock:
                other = store.take_name(name, devices)
                if other is None:
                    yield Taken(name, lock)
                    return
                reason = f"on {other.host or 'another machine'}, heard of less than {SILENT_S:.0f} s ago"
        except Held as error:
            reason = f"process {error.holder.get('pid', 'unknown')} of this machine or of one that shares {home}"
        if wish:
            raise NameTaken(
                f"another worker {name!r} lives ({reason}). Stop it first, give this one a name of its own "
                "(DISWM_WORKER), or none: it then takes a free one."
            )
