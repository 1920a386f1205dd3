"""Imports of uploads in progress: each runs exactly once to its end and is found by its id, in every process."""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from pathlib import Path

from starlette.requests import Request

from backend.api.schemas import DatasetView, ImportPreview
from backend.api.under_way import Begun, Outcome, Work
from backend.http.problems import not_found, overloaded

Made = DatasetView | ImportPreview
MAX_PENDING = 16
MOST_FINISHED = 50  # finished ones, for clients that ask later
LOOK_S = 0.2
MAX_WAIT = 30.0  # seconds that a client may ask to wait
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*(\d{1,5})")


class Imports:
    """Imports by id. Only call this from the event loop."""

    def __init__(self, pool: Executor, home: Path) -> None:
        self._pool, self._home = pool, home
        self._tasks: OrderedDict[str, asyncio.Task[Made]] = OrderedDict()

    def find(self, id: str) -> "asyncio.Task[Made] | None":
        """The import with this id, running or recently finished, in this process."""
        return self._tasks.get(id)

    async def elsewhere(self, id: str, request: Request) -> Outcome | None:
        """How an import ended in another process, which may be gone by now; None while it goes on.

        Waits like `waited`. Raises Problem 404.
        """
        work, until = Work(self._home, _name(id)), time.monotonic() + (_patience(request) or 0.0)
        while await asyncio.to_thread(work.progress) is not None:
            if time.monotonic() >= until:
                return None
            await asyncio.sleep(LOOK_S)
        outcome = await asyncio.to_thread(work.outcome)
        if outcome is None:
            raise not_found("import", id, known=[])
        return outcome

    def start(self, id: str, make: Callable[[], Made], release: Callable[[], Awaitable[None]]) -> "asyncio.Task[Made]":
        """Begin to `make` in a thread; `release` the files afterwards. The id must not be running already."""
        if sum(not task.done() for task in self._tasks.values()) >= MAX_PENDING:
            raise overloaded("Too many uploads are being read already.", seconds=30)
        begun = Work(self._home, _name(id)).begin()  # None where another process reads the same files
        task = asyncio.get_running_loop().create_task(self._run(make, release, begun))
        task.add_done_callback(
            lambda done: done.cancelled() or done.exception()
        )  # the error would be logged if nobody awaited it
        self._tasks.pop(id, None)
        self._tasks[id] = task
        for old in [key for key, work in self._tasks.items() if work.done()][:-MOST_FINISHED]:
            del self._tasks[old]
        return task

    async def _run(self, make: Callable[[], Made], release: Callable[[], Awaitable[None]], begun: Begun | None) -> Made:
        try:
            made = await asyncio.get_running_loop().run_in_executor(self._pool, make)
        except Exception as error:
            if begun is not None:
                begun.fail(error)
            raise
        else:
            if begun is not None:
                begun.end(made.model_dump(mode="json"))
            return made
        finally:
            await release()


async def waited(task: "asyncio.Task[Made]", request: Request) -> Made | None:
    """The result of a task; None if the client prefers to ask again instead of waiting (`Prefer: respond-async`)."""
    patience = _patience(request)
    if patience is None:
        return await asyncio.shield(task)
    done, _ = await asyncio.wait({task}, timeout=patience)
    return task.result() if done else None


def _patience(request: Request) -> float | None:
    """Seconds that a client wants to wait; None: to the end."""
    prefer = request.headers.get("prefer", "").lower()
    if "respond-async" not in prefer:
        return None
    wait = _WAIT.search(prefer)
    return min(float(wait.group(1)), MAX_WAIT) if wait else 0.0


def _name(id: str) -> str:
    return f"import {id}"
