"""API, worker and page as children of one process: ready together, restarted alone, stopped together."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable
from types import FrameType

import typer

from backend.cli.context import EXIT_REFUSED, EXIT_TAKEN
from backend.runs.locks import api_lock, holder, worker_lock
from backend.runs.names import FIRST
from backend.runs.processes import PARENT_VARIABLE, kill_group
from backend.settings import Settings

LOOK_S = 0.2
STOP_S = 20.0
"""The worker may take ten seconds to save a run; nothing takes longer."""
MAX_RESTARTS, RESTART_WINDOW_S = 3, 60.0


class Part:
    """One of the three processes: how to start it and how to see that it is ready."""

    def __init__(self, name: str, command: str, is_ready: Callable[[], bool]) -> None:
        self.name = name
        self.is_ready = is_ready
        self._command = command
        self._starts: deque[float] = deque(maxlen=MAX_RESTARTS + 1)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, environment: dict[str, str]) -> None:
        """Start it in a session of its own, so that Ctrl-C reaches this process alone."""
        self._starts.append(time.monotonic())
        self._process = subprocess.Popen(
            [sys.executable, "-m", "backend", self._command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # logs and errors go to the other stream
            start_new_session=True,
            env=environment | {PARENT_VARIABLE: str(os.getpid())},
        )

    def code(self) -> int | None:
        """The exit code, None while it runs."""
        return None if self._process is None else self._process.poll()

    def may_restart(self) -> bool:
        """False after several exits in a short time, or an exit that would only repeat."""
        often = len(self._starts) > MAX_RESTARTS and time.monotonic() - self._starts[0] < RESTART_WINDOW_S
        return not often and self.code() not in (EXIT_TAKEN, EXIT_REFUSED)

    def ask_to_stop(self) -> None:
        """Send SIGTERM if it is running."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def end(self, deadline: float) -> None:
        """Wait for it until the deadline, then kill its group."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        kill_group(self._process.pid)


def run_together(settings: Settings) -> int:
    """Run the three until Ctrl-C or SIGTERM; the exit code. The page gets this API, whatever DISWM_API_URL says."""
    settings = settings.model_copy(update={"api_url": None})
    taken = _taken(settings)
    if taken is not None:
        return taken
    asked = _listen()
    parts = _parts(settings)
    environment = os.environ | {"DISWM_HOME": str(settings.home), "DISWM_API_URL": settings.url_of_api}
    environment |= {"DISWM_WORKER": settings.worker or FIRST}
    typer.echo(f"Starting DisWM Studio (state in {settings.home}) ...")
    try:
        for part in parts:
            part.start(environment)
        return _watch(parts, environment, settings, asked)
    finally:
        _stop(parts)


def _parts(settings: Settings) -> list[Part]:
    worker_file = worker_lock(settings.home, settings.worker or FIRST)
    return [
        Part("API", "serve", lambda: _answers(f"{settings.url_of_api}/healthz")),
        Part("worker", "worker", lambda: bool((holder(worker_file) or {}).get("ready"))),
        Part("page", "ui", lambda: _answers(f"{settings.url_of_page}/_stcore/health")),
    ]


def _watch(parts: list[Part], environment: dict[str, str], settings: Settings, asked: list[int]) -> int:
    announced = False
    while not asked:
        for part in parts:
            code = part.code()
            if code is None:
                continue
            if not part.may_restart():
                typer.echo(f"The {part.name} ended with code {code}; stopping the rest.", err=True)
                return code if code > 0 else 1
            typer.echo(f"The {part.name} ended with code {code}; starting it again.", err=True)
            part.start(environment)
        if not announced and all(part.is_ready() for part in parts):
            announced = True
            typer.echo(f"\n  DisWM Studio is ready: {settings.url_of_page}\n  (API: {settings.url_of_api}/docs)\n")
            typer.echo("Press Ctrl-C to stop; a run in progress is saved and resumes at the next start.")
        time.sleep(LOOK_S)
    return 0


def _stop(parts: list[Part]) -> None:
    for part in parts:
        part.ask_to_stop()
    deadline = time.monotonic() + STOP_S
    for part in parts:
        part.end(deadline)


def _listen() -> list[int]:
    """Signals received so far; a second one while stopping changes nothing."""
    asked: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        asked.append(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, note)
    return asked


def _taken(settings: Settings) -> int | None:
    """An exit code and a sentence if another program uses an address that we need."""
    for path in (api_lock(settings.home, settings.replica), worker_lock(settings.home, settings.worker or FIRST)):
        other = holder(path)
        if other is not None:
            typer.echo(
                f"diswm: another DisWM Studio is running on {settings.home} (process {other.get('pid', 'unknown')}). "
                "Stop it first, or set DISWM_HOME to another folder.",
                err=True,
            )
            return EXIT_TAKEN
    for host, port, variable in (
        (settings.host, settings.port, "DISWM_PORT"),
        (settings.page_host, settings.page_port, "DISWM_PAGE_PORT"),
    ):
        if _in_use(host, port):
            typer.echo(f"diswm: {host}:{port} is in use. Stop what listens there or set {variable}.", err=True)
            return EXIT_TAKEN
    return None


def _in_use(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def _answers(url: str) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=1.0) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
