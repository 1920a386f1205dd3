"""Runs the API's heavy work off the event loop: equal queries run once, and the backlog is limited."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from backend.http.problems import overloaded
from backend.http.responses import Answer
from backend.views.cache import ByteCache

CACHE_BYTES = 256 * 2**20
WORKERS = 2
MAX_WAIT_SECONDS = 4.0  # of accepted work; more is refused
MAX_PENDING_JOBS = 64
SECONDS_PER_CELL = 0.0005  # first guess; replaced by measurements, within a factor of ten


Value = TypeVar("Value")


class ViewExecutor:
    """Computes answers in a small pool of threads. Call it from the event loop only."""

    def __init__(
        self, *, workers: int = WORKERS, max_wait: float = MAX_WAIT_SECONDS, cache_bytes: int = CACHE_BYTES
    ) -> None:
        self.max_wait = max_wait
        self.pending_cost = 0.0
        self.computed = 0
        self.refused = 0
        self.cache: ByteCache[Answer] = ByteCache(cache_bytes, lambda answer: len(answer.content) + 200)
        self._seconds_per_cell = SECONDS_PER_CELL
        self._flights: dict[Hashable, asyncio.Task[Answer]] = {}
        self._workers = workers
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="executor")

    @property
    def pending(self) -> int:
        """Number of queries that are running or waiting."""
        return len(self._flights)

    async def answer(self, key: Hashable, cost: float, make: Callable[[], Answer]) -> Answer:
        """The answer to a query: from the cache, from an equal query in progress, or else from `make`.

        `cost` is in decoded cells, above 0. Raises Problem 503 with Retry-After where too much work waits.
        """
        cached = self.cache.get(key)
        if cached is not None:
            return cached
        flight = self._flights.get(key)
        if flight is None:
            self._admit(cost)
            flight = _start(self._compute(key, cost, make))
            self._flights[key] = flight
        return await asyncio.shield(flight)

    def close(self) -> None:
        """Ends the threads; work that has not begun is dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _admit(self, cost: float) -> None:
        """An idle executor takes any query: its own budget was checked before."""
        wait = (self.pending_cost + cost) * self._seconds_per_cell / self._workers
        if self.pending and (wait > self.max_wait or self.pending >= MAX_PENDING_JOBS):
            self.refused += 1
            raise overloaded("The API is overloaded: too much work is waiting.", seconds=max(1, round(wait)))
        self.pending_cost += cost

    async def _compute(self, key: Hashable, cost: float, make: Callable[[], Answer]) -> Answer:
        try:
            answer, seconds = await asyncio.get_running_loop().run_in_executor(self._pool, _timed, make)
            measured = min(max(seconds / cost, SECONDS_PER_CELL / 10), SECONDS_PER_CELL * 10)
            self._seconds_per_cell += 0.1 * (measured - self._seconds_per_cell)
            self.computed += 1
            self.cache.put(key, answer)
            return answer
        finally:
            self.pending_cost -= cost
            del self._flights[key]


class LongJobs:
    """Long computations (a minute), one at a time and each once, whose results clients fetch later."""

    def __init__(self) -> None:
        self._running: dict[Hashable, asyncio.Task[Any]] = {}
        self._failed: dict[Hashable, Exception] = {}
        self._progress: dict[Hashable, str] = {}
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="study")

    @property
    def pending(self) -> int:
        """Number of long jobs that are running or waiting."""
        return len(self._running)

    def start(self, key: Hashable, make: Callable[[], Value]) -> asyncio.Task[Value]:
        """The computation of `key`, started if it is not in progress; raises the last attempt's error, once."""
        failure = self._failed.pop(key, None)
        if failure is not None:
            raise failure
        if key not in self._running:
            if self.pending >= 16:
                raise overloaded("Too many long computations wait already.", seconds=30)
            self._running[key] = _start(self._compute(key, make))
        return self._running[key]

    def report(self, key: Hashable, done: float, phase: str) -> None:
        """Report the progress of the computation of `key`, from 0 to 1; for the thread that computes it."""
        self._progress[key] = f"{phase}, {done:.0%}"

    def progress(self, key: Hashable) -> str:
        """`extra trees, 65%`; `waiting` before the first report."""
        return self._progress.get(key, "waiting")

    def close(self) -> None:
        """Ends the thread; what has not begun is dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _compute(self, key: Hashable, make: Callable[[], Value]) -> Value:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, make)
        except Exception as error:
            self._failed[key] = error
            raise
        finally:
            del self._running[key]
            self._progress.pop(key, None)


def _start(work: Coroutine[Any, Any, Value]) -> asyncio.Task[Value]:
    """A task whose failure is raised where it is awaited, and ignored if it is not awaited any more."""
    task = asyncio.get_running_loop().create_task(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task


def _timed(make: Callable[[], Answer]) -> tuple[Answer, float]:
    started = time.perf_counter()
    return make(), time.perf_counter() - started
