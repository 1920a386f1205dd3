"""Uploads as routes handle them: parsed while written to disk, processed in a thread, deleted afterwards."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from backend.data.files import aside_of
from backend.http.multipart import Upload, received

FOLDER = "uploads"
Taken = TypeVar("Taken")


class Held(NamedTuple):
    """An upload whose files stay until `release` is awaited."""

    upload: Upload
    release: Callable[[], Awaitable[None]]


async def hold(request: Request, home: Path) -> Held:
    """The upload of a request, for work that may outlive the request."""
    (home / FOLDER).mkdir(exist_ok=True)
    async with AsyncExitStack() as stack:
        upload = await stack.enter_async_context(received(request, aside_of(home / FOLDER / "form")))
        return Held(upload, stack.pop_all().aclose)


async def take_in(request: Request, home: Path, pool: Executor, work: Callable[[Upload], Taken]) -> Taken:
    """The result of `work` on the upload of a request, in a thread of `pool`; the files are deleted afterwards."""
    upload, release = await hold(request, home)
    try:
        return await asyncio.get_running_loop().run_in_executor(pool, work, upload)
    finally:
        await release()


def say_made(response: Response, place: str, *, known: bool) -> None:
    """201, or 200 if the same bytes were here already; with the location of the result."""
    response.status_code = 200 if known else 201
    response.headers["Location"] = place
