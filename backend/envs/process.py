"""A child process that answers requests over a pipe; its death and its silence are noticed."""

import errno
import gc
import multiprocessing
import signal
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Literal

from backend.envs.protocol import EnvironmentFailed

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
SILENCE_LIMIT = 60.0  # seconds without a word from a child that owes an answer
LONGEST_LOOK = 1.0  # seconds between two looks for it

Beat = Callable[[], None]
Handler = Callable[[Any, Beat], Any]  # (request, a call that says "still alive") -> answer
Message = tuple[Literal["beat", "answer", "failed"], Any]


class Child:
    """A spawned process running `answer_requests`; one request is under way at a time.

    `make_handler(*arguments)` runs in the child and must be importable by name. Everything that goes wrong
    surfaces as EnvironmentFailed carrying `label` (a full disk as the OSError that it is), after which the child
    is gone.
    """

    def __init__(
        self, label: str, make_handler: Callable[..., Handler], *arguments: Any, limit: float = SILENCE_LIMIT
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self.label = label
        self._limit = limit
        self.connection, other = context.Pipe()
        self._process = context.Process(
            target=answer_requests, args=(other, label, make_handler, arguments), daemon=True, name=label
        )
        self._process.start()
        other.close()
        self._looked, self._silence = time.monotonic(), 0.0

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def request(self, value: Any) -> None:
        """Send a request; raises EnvironmentFailed if the child is dead."""
        self._looked, self._silence = time.monotonic(), 0.0
        try:
            self.connection.send(value)
        except OSError as error:
            raise self._died() from error

    def answer(self) -> Any:
        """Wait for the answer to the last request; raises EnvironmentFailed."""
        while True:
            ready, value = self.poll(min(LONGEST_LOOK, self._limit))
            if ready:
                return value

    def poll(self, wait: float = 0.0) -> tuple[bool, Any]:
        """(True, answer) if there is one within `wait` seconds, else (False, None); raises EnvironmentFailed."""
        try:
            if self.connection.poll(wait):
                kind, value = self.connection.recv()
                self._looked, self._silence = time.monotonic(), 0.0
                return self._opened(kind, value)
        except (EOFError, ConnectionError) as error:
            raise self._died() from error
        now = time.monotonic()
        self._silence += min(now - self._looked, 2 * LONGEST_LOOK)  # more: this process was stopped, the child with it
        self._looked = now
        if self._silence >= self._limit:
            self.kill()
            raise EnvironmentFailed(self.label, "hung", f"no answer within {self._limit:g} s")
        return False, None

    def close(self) -> None:
        """Ask the child to end, and end it if it does not within two seconds."""
        try:
            self.connection.send(None)
            self._process.join(2.0)
        except OSError:
            pass  # it is gone already
        self.kill()

    def kill(self) -> None:
        """End the child now."""
        self._process.kill()
        self._process.join()
        self.connection.close()

    def _opened(self, kind: str, value: Any) -> tuple[bool, Any]:
        if kind == "failed":
            self.kill()
            raise value
        return kind == "answer", value

    def _died(self) -> EnvironmentFailed:
        self._process.join(2.0)
        status = self._process.exitcode
        self.kill()
        how = f"signal {-status}" if status is not None and status < 0 else f"exit status {status}"
        return EnvironmentFailed(self.label, "died", f"its process ended with {how}")


def answer_requests(
    connection: Connection, label: str, make_handler: Callable[..., Handler], arguments: tuple[Any, ...]
) -> None:
    """Body of the child: build the handler, answer requests until None comes or the parent is gone."""
    for asked in (signal.SIGINT, signal.SIGTERM):  # they may reach the whole group: the parent saves, then decides
        signal.signal(asked, signal.SIG_IGN)
    try:
        gc.disable()  # imports and models leave much to look through and nothing to collect
        handler = make_handler(*arguments)
        gc.freeze()
        gc.enable()
        while (request := connection.recv()) is not None:
            connection.send(("answer", handler(request, lambda: connection.send(("beat", None)))))
    except (EOFError, ConnectionError):
        return  # the parent is gone
    except EnvironmentFailed as failure:
        connection.send(("failed", failure))
    except Exception as error:
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            connection.send(("failed", error))  # not the environment's fault: let the parent see what it is
            return
        where = traceback.format_exc(limit=-3)
        connection.send(("failed", EnvironmentFailed(label, "crashed", f"{error!r}\n{where}")))
