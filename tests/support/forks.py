"""Starts real `diswm` commands and modules without their imports: forks of a process that has imported them."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.fork_server import ROOM

SERVER = "from tests.support.fork_server import serve, {0}; serve({0})"
ROOT = Path(__file__).resolve().parents[2]
Constants = Mapping[str, float]
"""Waits to shorten and counts to lower: `module:CONSTANT` -> value."""
AS_THEY_ARE: Constants = {}


class Ended(NamedTuple):
    """How a command ended: its exit status, negative for a signal, and what it said."""

    returncode: int
    stdout: str
    stderr: str


class Forks:
    """Starts `diswm` commands in forked processes, whose imports are already loaded.

    `imports` is the function of `tests.support.fork_server` that loads them. Threads may share it.
    """

    def __init__(self, imports: str = "import_all") -> None:
        self._imports = imports
        self._server: subprocess.Popen[str] | None = None
        self._one_at_a_time = threading.Lock()

    def start(
        self,
        command: tuple[str, ...],
        environment: dict[str, str],
        log: Path,
        constants: Constants = AS_THEY_ARE,
        errors: Path | None = None,
        folder: Path | None = None,
        module: str | None = None,
        read: Path = Path(os.devnull),
    ) -> int:
        """Start a command in a folder and return its process; what it says is added to `log`, or to `errors`.

        With `module`, `python -m module` with these arguments instead of `diswm`. `read` is its standard input.
        """
        order = {"command": command, "environment": environment, "constants": dict(constants), "log": str(log)}
        order |= {"errors": str(errors or log), "folder": str(folder or Path.cwd()), "module": module}
        return self._ask(order | {"read": str(read)})

    def run(
        self,
        command: tuple[str, ...],
        environment: dict[str, str],
        folder: Path | None = None,
        module: str | None = None,
        constants: Constants = AS_THEY_ARE,
        input: str = "",
        timeout: float | None = None,
    ) -> Ended:
        """Carry out a command, or a module, in a folder, by default the present one.

        Raises subprocess.TimeoutExpired if it takes longer than `timeout` seconds.
        """
        with tempfile.TemporaryDirectory(prefix="diswm-said-") as aside:
            said, errors, read = (Path(aside) / name for name in ("said", "errors", "read"))
            read.write_text(input)
            process = self.start(command, environment, said, constants, errors, folder, module, read)
            code = self.wait(process, timeout)
            return Ended(code, said.read_text(), errors.read_text())

    def wait(self, process: int, timeout: float | None = None) -> int:
        """The exit status of a command, negative for a signal; raises subprocess.TimeoutExpired."""
        if timeout is None:
            return self._ask({"wait": process})
        killed = threading.Event()

        def kill() -> None:
            killed.set()
            os.kill(process, signal.SIGKILL)

        late = threading.Timer(timeout, kill)
        late.start()
        code = self._ask({"wait": process})
        late.cancel()
        if killed.is_set():
            raise subprocess.TimeoutExpired(str(process), timeout)
        return code

    def end(self) -> None:
        """End the server."""
        if self._server is not None:
            self._server.communicate()

    def _ask(self, order: dict[str, Any]) -> int:
        with self._one_at_a_time:
            if self._server is None:
                self._server = self._start_server()
            assert self._server.stdin is not None and self._server.stdout is not None
            print(json.dumps(order), file=self._server.stdin, flush=True)
            return int(self._server.stdout.readline())

    def _start_server(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-c", SERVER.format(self._imports)],
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1"} | ROOM,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
