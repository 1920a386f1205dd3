"""Starts real `diswm` commands and modules without their imports: forks of a process that has imported everything."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

FORKS = '''
import atexit, gc, json, os, runpy, sys, threading, traceback
# All that is slow to import, once for every command below.
import torch.utils.tensorboard, uvicorn
import backend.main, backend.pipeline.stages, backend.runs.worker
from backend.__main__ import main


def carry_out(module):
    """The exit code of a command or a module; everything that runs at the exit of a process has run."""
    code = 1
    try:
        if module:
            sys.modules.pop(module, None)  # its code runs anew, as __main__
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        else:
            main()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return code


gc.freeze()
for line in sys.stdin:
    order = json.loads(line)
    if "wait" in order:
        print(os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1]), flush=True)
        continue
    process = os.fork()
    if process == 0:
        os.setsid()
        os.chdir(order["folder"])
        os.environ.update(order["environment"])
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        log, errors = os.open(order["log"], flags), os.open(order["errors"], flags)
        for stream, target in ((os.open(os.devnull, os.O_RDONLY), 0), (log, 1), (errors, 2)):
            os.dup2(stream, target)
        for name, seconds in order["timings"].items():
            module, _, constant = name.partition(":")
            assert hasattr(sys.modules[module], constant), name
            setattr(sys.modules[module], constant, seconds)
        sys.argv = ["diswm", *order["command"]]
        os._exit(carry_out(order["module"]))  # without taking all modules apart, which takes a second
    print(process, flush=True)
'''

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
                [sys.executable, "-c", FORKS],
                env=os.environ | {"OMP_NUM_THREADS": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self._server.stdin is not None and self._server.stdout is not None
        print(json.dumps(order), file=self._server.stdin, flush=True)
        return int(self._server.stdout.readline())
