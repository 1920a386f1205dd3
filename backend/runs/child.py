"""Starts the process of one attempt: the command line that a user would type, in its own session."""

import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

from backend.data.files import write_json
from backend.runs.devices import apart
from backend.runs.folders import forget_outcome, run_folder
from backend.runs.found import Run
from backend.runs.processes import (
    HOME_VARIABLE,
    PARENT_VARIABLE,
    RUN_VARIABLE,
    WORKER_VARIABLE,
    end_processes,
    kill_group,
    processes_of_attempt,
)
from backend.runs.table import RunRow
from backend.runs.tracking.start import CREDENTIALS

SECRETS = ("DISWM_TOKEN", "DISWM_DATABASE_URL", "DISWM_TRACKER", "DISWM_STORE")
"""Removed from the environment: a run must not control the API or the table of runs, and sends nothing itself."""
NOT_FOR_RUNS = (*CREDENTIALS, "AWS_")
"""So are variables that begin so: the worker copies files to and from the store."""


class Child:
    """A started process and its group."""

    def __init__(self, process: subprocess.Popen[bytes], home: Path, row: RunRow) -> None:
        self._process = process
        self._home = home
        self._run_id = row.id
        self._worker = row.worker or ""

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    def stop(self, grace_s: float) -> int:
        """Ask it to save and end, then end the whole group; the exit code."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(grace_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
        code = self._process.wait()
        self.sweep()
        return code

    def sweep(self) -> None:
        """Kill what an ended process left running: its group, and descendants that left the group.

        Processes of another worker are spared, since it may have taken the run meanwhile.
        """
        kill_group(self._process.pid)
        end_processes(processes_of_attempt(self._home, self._run_id, self._worker), patience_s=0)


def start_child(row: RunRow, home: Path) -> Child:
    """Start the stage of a claimed run; its output goes to log.txt in its folder, its result to result.json.

    Raises OSError when the folder cannot be written or the process cannot be started.
    """
    folder = run_folder(home, row.id)
    folder.mkdir(parents=True, exist_ok=True)
    forget_outcome(folder)
    write_json(folder / "request.json", row.settings)
    with (folder / "log.txt").open("ab") as log:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        log.write(f"--- attempt {row.attempt}, {stamp}\n".encode())
        log.flush()
        process = subprocess.Popen(
            command_of_child(row, folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
            env=_environment(row, home),
        )
    return Child(process, home, row)


def command_of_child(row: RunRow, folder: Path) -> list[str]:
    """`python -m backend <stage> --out FOLDER --resume ...`."""
    device, _ = apart(row.device)
    return [
        *(sys.executable, "-m", "backend", row.stage),
        *("--out", str(folder), "--resume", "--json"),
        *("--settings-file", str(folder / "request.json")),
        *("--seed", str(row.seed), f"--name={row.name}"),
        *(() if device == "auto" else ("--device", device)),  # else the worker's own DISWM_DEVICE
    ]


def command_of_user(row: Run, home: Path) -> str:
    """The command line that starts the same run by hand, from any folder."""
    parts = ["diswm", row.stage, "--preset", row.preset, "--seed", str(row.seed)]
    for key, value in _flat(row.overrides):
        parts += ["--set", f"{key}={_as_text(value)}"]
    return f"{HOME_VARIABLE}={shlex.quote(str(home))} {shlex.join(parts)}"


def _environment(row: RunRow, home: Path) -> dict[str, str]:
    secret = {name for name in os.environ if name in SECRETS or name.startswith(NOT_FOR_RUNS)}
    inherited = {name: value for name, value in os.environ.items() if name not in secret}
    return inherited | {
        HOME_VARIABLE: str(home),
        RUN_VARIABLE: row.id,
        WORKER_VARIABLE: row.worker or "",
        PARENT_VARIABLE: str(os.getpid()),
        "PYTHONUNBUFFERED": "1",
    }


def _flat(values: dict[str, object], prefix: str = "") -> list[tuple[str, object]]:
    pairs: list[tuple[str, object]] = []
    for key, value in values.items():
        if isinstance(value, dict):
            pairs += _flat(value, f"{prefix}{key}.")
        else:
            pairs.append((f"{prefix}{key}", value))
    return pairs


def _as_text(value: object) -> str:
    """A value as `--set` reads it back: text is unquoted if it cannot be mistaken for JSON."""
    if isinstance(value, str):
        try:
            json.loads(value)
        except ValueError:
            return value
    return json.dumps(value)
