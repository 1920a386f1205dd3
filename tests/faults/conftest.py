"""Real processes on a store of their own: what the fault tests start, watch and kill."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from backend.runs.database import open_database
from backend.runs.folders import read_progress, run_folder
from backend.runs.locks import holder, worker_lock
from backend.runs.names import FIRST
from backend.runs.processes import processes_of_run, processes_of_worker
from backend.runs.service import Order, RunService
from backend.runs.table import RunRow
from backend.settings import Settings
from tests.support.forks import AS_THEY_ARE, Constants, Forks
from tests.support.noise import write_noise
from tests.support.waiting import free_port, until

SMALL = {"latents": 2, "stoch": 2, "deter": 4, "hidden": 4, "batch": 1, "length": 2, "held_out": 2}


class Store:
    """A home, its table of runs, and the processes that a test starts on it."""

    def __init__(self, home: Path, forks: Forks, database_url: str | None = None, opened: bool = True) -> None:
        self.home = home
        self.settings = Settings(home=home, database_url=database_url)
        if opened:
            self.open()
        self._started: list[subprocess.Popen[bytes]] = []
        self._forks = forks
        self._forked: set[int] = set()

    def open(self) -> None:
        """Make its tables, or find them made."""
        self.engine = open_database(self.settings)
        self.service = RunService(self.engine, self.home)

    def fork(self, *command: str, constants: Constants = AS_THEY_ARE, **environment: str) -> int:
        """Start a `diswm` command that has nothing to import any more and return its process."""
        here = {"DISWM_HOME": str(self.home), "DISWM_DATABASE_URL": self.settings.database_url or ""} | environment
        process = self._forks.start(command, here, self.home / f"{command[0]}.txt", constants)
        self._forked.add(process)
        return process

    def finish(self, process: int) -> int:
        """Wait for a forked command; its exit status, negative for a signal."""
        self._forked.discard(process)
        return self._forks.wait(process)

    def kill(self, process: int) -> None:
        """SIGKILL to a forked command."""
        os.kill(process, signal.SIGKILL)
        assert self.finish(process) == -signal.SIGKILL

    def start(self, *command: str, **environment: str) -> subprocess.Popen[bytes]:
        """A `diswm` command on this store; what it says goes to a file in the home."""
        return self.start_program((sys.executable, "-m", "backend", *command), command[0], **environment)

    def start_program(self, program: Sequence[str], log_name: str, **environment: str) -> subprocess.Popen[bytes]:
        """Any program on this store."""
        with (self.home / f"{log_name}.txt").open("ab") as log:
            process = subprocess.Popen(
                program,
                env=os.environ | {"DISWM_HOME": str(self.home), "OMP_NUM_THREADS": "1"} | environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._started.append(process)
        return process

    def start_worker(self) -> int:
        """Start a worker, wait until it takes runs, and return its process."""
        worker = self.fork("worker")
        lock = worker_lock(self.home, FIRST)
        until(lambda: (holder(lock) or {}).get("ready") is True, 180)
        return worker

    def address(self) -> str:
        """Where an API of this store may listen."""
        return f"http://127.0.0.1:{free_port()}"

    def answers(self, url: str) -> bool:
        """Whether somebody answers there with 200."""
        return answers(url)

    def send(self, url: str, body: Any, **headers: str) -> tuple[int, Any]:
        """POST JSON: status and answer; raises OSError when nobody answers."""
        return send(url, body, **headers)

    def until(self, condition: Callable[[], bool], seconds: float = 300) -> None:
        """Wait for a condition; a test that waits in vain fails here."""
        until(condition, seconds)

    def add_dataset(self, name: str = "noise") -> str:
        """A data set of noise: 6 episodes of 12 frames."""
        write_noise(self.home / "datasets" / name)
        return name

    def pretrain(self, **overrides: Any) -> str:
        """The id of a queued pretraining on noise, as small as can be."""
        return self.submit(
            "pretrain", SMALL | {"dataset": "noise", "checkpoint_every": 20, "log_every": 10} | overrides
        )

    def submit(self, stage: str, settings: dict[str, Any]) -> str:
        """The id of a queued run."""
        return self.service.submit(Order(stage, "tiny", settings, None, 0, "cpu")).row.id

    def row(self, run: str) -> RunRow:
        """The run's row."""
        return self.service.get(run)

    def done(self, run: str) -> float:
        """Units that the run has done in its current phase."""
        progress = read_progress(run_folder(self.home, run))
        return float(progress["done"]) if progress else 0.0

    def processes(self, run: str) -> list[int]:
        """Living processes of the run."""
        return processes_of_run(self.home, run)

    def leaders(self, run: str) -> list[int]:
        """Living processes that carry out the run's stage: those that lead their session."""
        return [process for process in self.processes(run) if leads_session(process)]

    def end(self) -> None:
        """Kill everything that is left."""
        for process in list(self._forked):
            os.kill(process, signal.SIGKILL)
            self.finish(process)
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.wait()
        for process in processes_of_worker(self.home, FIRST):
            os.kill(process, signal.SIGKILL)
        if hasattr(self, "engine"):
            self.engine.dispose()


def leads_session(process: int) -> bool:
    try:
        return os.getsid(process) == process
    except ProcessLookupError:
        return False


def answers(url: str) -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def send(url: str, body: Any, **headers: str) -> tuple[int, Any]:
    """POST JSON: status and answer; raises OSError when nobody answers."""
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"} | headers, method="POST"
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


@pytest.fixture
def open_shop(forks: Forks) -> Iterator[Callable[[Path], Store]]:
    """Opens stores with a data set in given folders."""
    opened: list[Store] = []

    def open_at(home: Path) -> Store:
        store = Store(home, forks)
        opened.append(store)
        store.add_dataset()
        return store

    yield open_at
    for store in opened:
        store.end()


@pytest.fixture
def shop(tmp_path: Path, open_shop: Callable[[Path], Store]) -> Store:
    """A store with a data set."""
    return open_shop(tmp_path)
