"""Maps the errors of the layers below to HTTP problems."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import InterfaceError, OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from backend.data.catalogue import NotFound
from backend.data.containers import VideoError
from backend.data.episodes import EpisodeError
from backend.data.files import CorruptFile
from backend.data.import_checks import RefusedImport
from backend.data.networks import CheckpointError, IncompatibleCheckpoint
from backend.data.store.protocol import StoreError
from backend.data.store.upload import Unsteady
from backend.envs.gl import NoRenderer
from backend.envs.protocol import EnvironmentFailed
from backend.http.problems import Fault, Problem, disk_full, of_http, of_os, of_validation, overloaded, unexpected
from backend.interpret.request import ViewError
from backend.pipeline.out_of_memory import is_out_of_memory
from backend.pipeline.settings import SettingsError
from backend.views.params import refused_view

Translate = Callable[[Any], Problem]


def register(app: FastAPI) -> None:
    """Teaches the app to answer every error that has a meaning for the client."""
    app.add_exception_handler(Problem, _answer_problem)
    app.add_exception_handler(RequestValidationError, _answer_validation)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(OSError, _answer_os)
    app.add_exception_handler(MemoryError, _answer_memory)
    app.add_exception_handler(RuntimeError, _answer_memory)
    for kind, translate in _TABLE.items():
        app.add_exception_handler(kind, _handler(translate))


def problem_of(error: Exception) -> Problem:
    """What a client is told about an error; for one that has no meaning for it, 500."""
    if isinstance(error, Problem):
        return error
    for kind in type(error).__mro__:
        if kind in _TABLE:
            return _TABLE[kind](error)
    return (of_os(error) if isinstance(error, OSError) else None) or unexpected()


def _handler(translate: Translate) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(_request: Request, error: Exception) -> Response:
        return translate(error).response()

    return answer


async def _answer_problem(_request: Request, error: Exception) -> Response:
    """Handler for Problem."""
    assert isinstance(error, Problem)
    return error.response()


async def _answer_validation(_request: Request, error: Exception) -> Response:
    """Handler for RequestValidationError."""
    assert isinstance(error, RequestValidationError)
    return of_validation(error.errors()).response()


async def _answer_http(_request: Request, error: Exception) -> Response:
    """Handler for errors of the router itself."""
    assert isinstance(error, HTTPException)
    return of_http(error).response()


async def _answer_os(_request: Request, error: Exception) -> Response:
    """Handler for OSError: a full disk is 507, a read-only place 409, anything else is a defect for the log."""
    assert isinstance(error, OSError)
    problem = of_os(error)
    if problem is None:
        raise error
    return problem.response()


async def _answer_memory(_request: Request, error: Exception) -> Response:
    """Handler for a query that ran out of memory: a later one may succeed. Any other RuntimeError is a defect."""
    if not is_out_of_memory(error):
        raise error
    return overloaded("There is not enough memory for this query now.").response()


def _unknown_entry(error: NotFound) -> Problem:
    return Problem(
        404,
        "not-found",
        f"There is {error}.",
        remedy="GET /api/v1/checkpoints and /api/v1/datasets list what is available.",
        errors=[Fault("path:checkpoint", str(error))],
    )


def _damaged(error: CheckpointError | CorruptFile) -> Problem:
    return Problem(
        409,
        "checkpoint-damaged",
        f"This checkpoint cannot be used: {error}.",
        remedy="Choose another checkpoint, or resume the run that wrote it: it falls back to the last good one.",
        errors=[Fault("path:checkpoint", str(error))],
    )


def incompatible(error: IncompatibleCheckpoint, pointer: str = "path:checkpoint") -> Problem:
    """409 with every key that does not fit."""
    return Problem(
        409,
        "checkpoint-incompatible",
        f"This checkpoint cannot be used: {error}.",
        remedy="Load it with the version that wrote it, or train it again.",
        errors=[Fault(pointer, problem) for problem in error.problems[:100]],
    )


def _settings(error: SettingsError) -> Problem:
    faults = [Fault(problem.pointer, problem.message, problem.suggestion) for problem in error.problems]
    return Problem(
        422, "invalid-settings", str(error), remedy="GET /api/v1/schemas/{stage} describes each.", errors=faults
    )


def _refused_import(error: RefusedImport) -> Problem:
    return Problem(
        422,
        "import-refused",
        f"This checkpoint cannot be imported: {error}.",
        remedy=error.remedy,
        errors=[Fault(f"/file/{part}", str(error)) for part in error.parts] or [Fault("/file", str(error))],
    )


def _unreadable_episode(error: EpisodeError) -> Problem:
    return Problem(
        409,
        "dataset-damaged",
        f"This data set cannot be read: {error}.",
        remedy="Collect or upload it again.",
        errors=[Fault("path:dataset", str(error))],
    )


def _film(error: VideoError) -> Problem:
    return Problem(422, "clip-refused", str(error), remedy=error.remedy, errors=[Fault("/files", str(error))])


def _simulator(error: EnvironmentFailed | NoRenderer) -> Problem:
    return Problem(
        503,
        "simulator-failed",
        f"The simulator did not answer: {error}",
        remedy="Try again; `diswm doctor` says whether this machine can render.",
        headers={"Retry-After": "5"},
    )


def _database(error: OperationalError | InterfaceError) -> Problem:
    if "full" in str(error.orig):
        return disk_full()
    return overloaded("The table of runs does not answer.")


def _store(error: StoreError | Unsteady) -> Problem:
    return overloaded(f"What the run reads cannot be put into the store: {error}.")


_TABLE: dict[type[Exception], Translate] = {
    StoreError: _store,
    Unsteady: _store,
    OperationalError: _database,
    InterfaceError: _database,
    NotFound: _unknown_entry,
    CheckpointError: _damaged,
    IncompatibleCheckpoint: incompatible,
    RefusedImport: _refused_import,
    CorruptFile: _damaged,
    EpisodeError: _unreadable_episode,
    VideoError: _film,
    ViewError: refused_view,
    EnvironmentFailed: _simulator,
    NoRenderer: _simulator,
    SettingsError: _settings,
}
