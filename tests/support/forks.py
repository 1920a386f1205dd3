"""Starts real `diswm` commands and modules without their imports: forks of a process that has imported everything."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.fork_server import ROOM

SERVER = "from tests.support.fork_server import serve; serve()"
ROOT = Path(__file__).resolve().parents[2]
Timings = Mapping[str, float]
"""Waits to shorten: `module:CONSTANT` -> seconds."""
AS_THEY_ARE: Timings = {}


class Ended(NamedTuple):
    """How a command ended: its exit status, negative for a signal, and what it said."""

    returncode: int
    stdout: str
    stderr: str


class Forks:
    """Starts `diswm` commands in forked processes, whose imports are already loaded."""

    def __init__(self) -> None:
        self._server: subprocess.Popen[str] | None = None

    def start(
        self,
        command: tuple[str, ...],
        environment: dict[str, str],
        log: Path,
        timings: Timings = AS_THEY_ARE,
        errors: Path | None = None,
        folder: Path | None = None,
        module: str | None = None,
    ) -> int:
        """Start a command in a folder and return its process; what it says is added to `log`, or to `errors`.

        With `module`, `python -m module` with these arguments instead of `diswm`.
        """
        order = {"command": command, "environment": environment, "timings": dict(timings), "log": str(log)}
        order |= {"errors": str(errors or log), "folder": str(folder or Path.cwd()), "module": module}
        return self._ask(order)

    def run(
        self,
        command: tuple[str, ...],
        environment: dict[str, str],
        folder: Path | None = None,
        module: str | None = None,
    ) -> Ended:
        """Carry out a command, or a module, in a folder, by default the present one."""
        with tempfile.TemporaryDirectory(prefix="diswm-said-") as aside:
            said, errors = Path(aside) / "said", Path(aside) / "errors"
            code = self.wait(self.start(command, environment, said, errors=errors, folder=folder, module=module))
            return Ended(code, said.read_text(), errors.read_text())

    def wait(self, process: int) -> int:
        """The exit status of a command, negative for a signal."""
        return self._ask({"wait": process})

    def end(self) -> None:
        """End the server."""
        if self._server is not None:
            self._server.communicate()

    def _ask(self, order: dict[str, Any]) -> int:
        if self._server is None:
            self._server = subprocess.Popen(
                [sys.executable, "-c", SERVER],
                cwd=ROOT,
                env=os.environ | {"OMP_NUM_THREADS": "1"} | ROOM,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self._server.stdin is not None and self._server.stdout is not None
        print(json.dumps(order), file=self._server.stdin, flush=True)
        return int(self._server.stdout.readline())
