"""Two machines that see neither each other's processes nor, for one of them, the database any more."""

import json
import select
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from backend.runs.folders import run_folder
from backend.runs.states import RunState
from tests.faults.conftest import Store
from tests.support.forks import Forks
from tests.support.postgres import Server

UNSHARED = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "--uts")


class Wire:
    """Passes connections on to a port of this machine until it is cut."""

    def __init__(self, port: int) -> None:
        self._target, self._cut = port, threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Ends every connection and refuses further ones."""
        self._cut.set()

    def _accept(self) -> None:
        with self._listening:
            while not self._cut.is_set():
                if not select.select([self._listening], [], [], 0.1)[0]:
                    continue
                near, far = self._listening.accept()[0], socket.create_connection(("127.0.0.1", self._target))
                threading.Thread(target=self._pass, args=(near, far), daemon=True).start()

    def _pass(self, near: socket.socket, far: socket.socket) -> None:
        other = {near: far, far: near}
        with near, far:
            while not self._cut.is_set():
                for ready in select.select([near, far], [], [], 0.1)[0]:
                    content = b""
                    with suppress(OSError):
                        content = ready.recv(65536)
                        other[ready].sendall(content)
                    if not content:
                        return


@pytest.fixture
def shared(postgres: Server, forks: Forks, tmp_path: Path) -> Iterator[Store]:
    """A store on Postgres, with a data set."""
    store = Store(tmp_path, forks, postgres.database())
    store.add_dataset()
    yield store
    store.end()


def on_another_machine(store: Store, port: int) -> subprocess.Popen[bytes]:
    """A worker with a host name and processes of its own, which reaches the database through a port."""
    url = str(store.settings.database_url)
    address = f"{url.rpartition('@')[0]}@127.0.0.1:{port}/{url.rpartition('/')[2]}"
    command = f"hostname elsewhere && exec {sys.executable} -m backend worker"
    program = (*UNSHARED, "sh", "-c", command)
    return store.start_program(program, "elsewhere", DISWM_DATABASE_URL=address, DISWM_WORKER="elsewhere")


@pytest.mark.long
def test_a_worker_cut_off_from_the_database_ends_its_run_before_another_machine_takes_it(
    shared: Store, postgres: Server, ledger: Any
) -> None:
    if shutil.which("unshare") is None or subprocess.call([*UNSHARED, "true"], stderr=subprocess.DEVNULL) != 0:
        pytest.skip("processes can only be hidden from each other by root, with unshare of util-linux")
    wire = Wire(postgres.port)
    run = shared.pretrain(updates=1_000_000, checkpoint_every=900_000, log_every=1)
    on_another_machine(shared, wire.port)
    shared.until(lambda: shared.done(run) > 200)
    seen: list[tuple[int, int]] = []
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            seen.append((shared.row(run).attempt, len(shared.leaders(run))))
            time.sleep(0.1)

    watching = threading.Thread(target=watch)
    watching.start()
    shared.fork("worker", DISWM_WORKER="here")
    time.sleep(3)
    assert seen[-1] == (1, 1), "the other machine's run is its own while it is heard of"
    begun = time.monotonic()
    wire.cut()
    shared.until(lambda: not shared.leaders(run), 60)
    left_after, saved = time.monotonic() - begun, shared.done(run)
    shared.until(lambda: shared.row(run).attempt == 2 and shared.done(run) > saved + 5, 180)
    over.set()
    watching.join()
    assert left_after < 55, "it ended by itself, before anybody else could hold the run"
    assert max(living for _, living in seen) == 1, "never two at once"
    assert shared.row(run).state == RunState.RUNNING
    assert shared.row(run).worker == "here"
    updates = [line["updates"] for line in _lines(shared, run)]
    assert updates == list(range(1, len(updates) + 1)), "each update was made once"
    ledger.write(
        "a machine cut off from the database",
        "ends its run before another takes it",
        "two workers that do not see each other's processes",
        f"ended after {left_after:.0f} s, gone on by the other; never two at once, no update twice, none lost",
    )


def _lines(store: Store, run: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run_folder(store.home, run) / "metrics.jsonl").read_text().splitlines()]
