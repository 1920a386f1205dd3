"""Heavy work is done once, off the event loop, and refused at once where it cannot be finished soon."""

import asyncio
import threading
import time
from collections.abc import Callable

import pytest

from backend.http.problems import Problem
from backend.http.responses import Answer
from backend.views.cache import ByteCache
from backend.views.executor import LongJobs, ViewExecutor


def answer(content: bytes = b"x") -> Callable[[], Answer]:
    return lambda: Answer(content, "text/plain")


def test_equal_queries_at_once_are_computed_once_and_get_the_same_answer() -> None:
    calls: list[int] = []

    def slow() -> Answer:
        calls.append(1)
        time.sleep(0.05)
        return Answer(b"grid", "text/plain")

    async def ask() -> list[Answer]:
        shop = ViewExecutor()
        answers = await asyncio.gather(*(shop.answer("q", 1, slow) for _ in range(32)))
        answers.append(await shop.answer("q", 1, slow))
        shop.close()
        return answers

    answers = asyncio.run(ask())
    assert len(calls) == 1
    assert len({item.content for item in answers}) == len({item.etag for item in answers}) == 1


def test_different_queries_are_computed_each() -> None:
    async def ask() -> tuple[Answer, Answer]:
        shop = ViewExecutor()
        return await shop.answer("a", 1, answer(b"a")), await shop.answer("b", 1, answer(b"b"))

    first, second = asyncio.run(ask())
    assert first.etag != second.etag


def test_overload_is_refused_without_any_wait_and_work_taken_on_is_finished() -> None:
    gate = threading.Event()

    def blocked() -> Answer:
        gate.wait(5)
        return Answer(b"done", "text/plain")

    async def ask() -> tuple[Problem, list[Answer], Answer]:
        shop = ViewExecutor(max_wait=0.5)
        taken = [asyncio.create_task(shop.answer(key, 800, blocked)) for key in range(2)]
        await asyncio.sleep(0.01)
        with pytest.raises(Problem) as caught:
            shop.answer("too much", 800, blocked).send(None)  # type: ignore[attr-defined]  # the first step of a coroutine
        gate.set()
        done = await asyncio.gather(*taken)
        assert shop.pending == 0
        return caught.value, done, await shop.answer("too much", 800, blocked)

    problem, done, later = asyncio.run(ask())
    assert problem.status == 503
    assert int(problem.headers["Retry-After"]) >= 1
    assert [item.content for item in done] == [b"done"] * 2
    assert later.content == b"done"


def test_an_executor_that_has_proved_slow_takes_on_less() -> None:
    def slow() -> Answer:
        time.sleep(0.02)
        return Answer(b"", "text/plain")

    async def ask() -> None:
        shop = ViewExecutor(workers=1, max_wait=0.1)
        for key in range(20):
            await shop.answer(key, 10, slow)
        waiting = asyncio.create_task(shop.answer("first", 40, slow))
        await asyncio.sleep(0)
        with pytest.raises(Problem):
            await shop.answer("second", 40, slow)
        await waiting

    asyncio.run(ask())


def test_a_failure_reaches_everyone_who_waits_and_is_not_kept() -> None:
    def fails() -> Answer:
        raise ValueError("no")

    async def ask() -> Answer:
        shop = ViewExecutor()
        results = await asyncio.gather(*(shop.answer("q", 1, fails) for _ in range(3)), return_exceptions=True)
        assert [type(result) for result in results] == [ValueError] * 3
        assert shop.pending_cost == 0
        return await shop.answer("q", 1, answer(b"now"))

    assert asyncio.run(ask()).content == b"now"


def test_a_client_that_leaves_does_not_cancel_the_work_of_the_others() -> None:
    async def ask() -> Answer:
        shop = ViewExecutor()

        def slow() -> Answer:
            time.sleep(0.05)
            return Answer(b"kept", "text/plain")

        leaving = asyncio.create_task(shop.answer("q", 1, slow))
        staying = asyncio.create_task(shop.answer("q", 1, slow))
        await asyncio.sleep(0.01)
        leaving.cancel()
        return await staying

    assert asyncio.run(ask()).content == b"kept"


def test_the_event_loop_stays_free_while_work_is_done() -> None:
    gate = threading.Event()

    def blocked() -> Answer:
        gate.wait(5)
        return Answer(b"done", "text/plain")

    async def ask() -> Answer:
        work = asyncio.create_task(ViewExecutor().answer("q", 1, blocked))
        for _ in range(100):
            await asyncio.sleep(0)
        assert not work.done()
        gate.set()
        return await work

    assert asyncio.run(ask()).content == b"done"


def test_the_cache_keeps_what_was_used_last_within_its_limit() -> None:
    cache: ByteCache[bytes] = ByteCache(10, len)
    cache.put("a", b"12345")
    cache.put("b", b"12345")
    assert cache.get("a") is not None
    cache.put("c", b"123")
    assert cache.get("b") is None
    assert cache.get("a") is not None
    cache.put("huge", b"x" * 11)
    assert cache.get("huge") is None
    assert cache.used == 8


def test_a_study_runs_once_and_its_failure_is_told_once() -> None:
    calls: list[int] = []

    def fails() -> str:
        calls.append(1)
        time.sleep(0.02)
        raise ValueError("too few frames")

    async def ask() -> None:
        long_jobs = LongJobs()
        long_jobs.start("f", fails)
        with pytest.raises(ValueError, match="too few"):
            await asyncio.shield(long_jobs.start("f", fails))
        with pytest.raises(ValueError, match="too few"):
            long_jobs.start("f", fails)
        assert len(calls) == 1
        assert await long_jobs.start("f", lambda: "works now") == "works now"

    asyncio.run(ask())
