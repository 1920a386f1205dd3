"""Imports of uploads in progress: each runs exactly once to its end and is found by its id."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor

from starlette.requests import Request

from backend.api.schemas import DatasetView, ImportPreview
from backend.http.problems import overloaded

Made = DatasetView | ImportPreview
MAX_PENDING = 16
MOST_FINISHED = 50  # finished ones, for clients that ask later
MAX_WAIT = 30.0  # seconds that a client may ask to wait
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*(\d{1,5})")


class Imports:
    """Imports by id. Only call this from the event loop."""

    def __init__(self, pool: Executor) -> None:
        self._pool = pool
        self._tasks: OrderedDict[str, asyncio.Task[Made]] = OrderedDict()

    def find(self, id: str) -> "asyncio.Task[Made] | None":
        """The import with this id, running or recently finished."""
        return self._tasks.get(id)

    def start(self, id: str, make: Callable[[], Made], release: Callable[[], Awaitable[None]]) -> "asyncio.Task[Made]":
        """Begin to `make` in a thread; `release` the files afterwards. The id must not be running already."""
        if sum(not task.done() for task in self._tasks.values()) >= MAX_PENDING:
            raise overloaded("Too many uploads are being read already.", seconds=30)
        task = asyncio.get_running_loop().create_task(self._run(make, release))
        task.add_done_callback(
            lambda done: done.cancelled() or done.exception()
        )  # the error would be logged if nobody awaited it
        self._tasks.pop(id, None)
        self._tasks[id] = task
        for old in [key for key, work in self._tasks.items() if work.done()][:-MOST_FINISHED]:
            del self._tasks[old]
        return task

    async def _run(self, make: Callable[[], Made], release: Callable[[], Awaitable[None]]) -> Made:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, make)
        finally:
            await release()


async def waited(task: "asyncio.Task[Made]", request: Request) -> Made | None:
    """The result of a task; None if the client prefers to ask again instead of waiting (`Prefer: respond-async`)."""
    prefer = request.headers.get("prefer", "").lower()
    if "respond-async" not in prefer:
        return await asyncio.shield(task)
    wait = _WAIT.search(prefer)
    done, _ = await asyncio.wait({task}, timeout=min(float(wait.group(1)), MAX_WAIT) if wait else 0.0)
    return task.result() if done else None
