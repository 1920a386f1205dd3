"""What the layers below can refuse, as problems: the one table from their errors to HTTP."""

from collections.abc import Awaitable, Callable
from typing import Any

import torch
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from backend import errors
from backend.data.catalogue import NotFound
from backend.data.checkpoint import CheckpointError, IncompatibleCheckpoint
from backend.errors import Fault, Problem
from backend.pipeline.config import SettingsError

Translate = Callable[[Any], Problem]


def register(app: FastAPI) -> None:
    """Teaches the app to answer every error that has a meaning for the client."""
    app.add_exception_handler(Problem, errors.answer_problem)
    app.add_exception_handler(RequestValidationError, errors.answer_validation)
    app.add_exception_handler(HTTPException, errors.answer_http)
    app.add_exception_handler(OSError, errors.answer_os)
    app.add_exception_handler(MemoryError, errors.answer_memory)
    app.add_exception_handler(torch.OutOfMemoryError, errors.answer_memory)
    for kind, translate in _TABLE.items():
        app.add_exception_handler(kind, _handler(translate))


def _handler(translate: Translate) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(_request: Request, error: Exception) -> Response:
        return translate(error).response()

    return answer


def _unknown_entry(error: NotFound) -> Problem:
    return Problem(
        404,
        "not-found",
        f"There is {error}.",
        remedy="GET /api/v1/checkpoints and /api/v1/datasets list what there is.",
        errors=[Fault("path:id", str(error))],
    )


def _damaged(error: CheckpointError) -> Problem:
    return Problem(
        409,
        "checkpoint-damaged",
        f"This checkpoint cannot be used: {error}.",
        remedy="Take another checkpoint, or resume the run that wrote it: it falls back to the last good one.",
        errors=[Fault("path:id", str(error))],
    )


def _incompatible(error: IncompatibleCheckpoint) -> Problem:
    return Problem(
        409,
        "checkpoint-incompatible",
        f"This checkpoint cannot be used: {error}.",
        remedy="Load it with the version that wrote it, or train it again.",
        errors=[Fault("path:id", problem) for problem in error.problems[:100]],
    )


def _settings(error: SettingsError) -> Problem:
    faults = [Fault(problem.pointer, problem.message, problem.suggestion) for problem in error.problems]
    return Problem(
        422, "invalid-settings", str(error), remedy="GET /api/v1/schemas/{stage} says what each takes.", errors=faults
    )


_TABLE: dict[type[Exception], Translate] = {
    NotFound: _unknown_entry,
    CheckpointError: _damaged,
    IncompatibleCheckpoint: _incompatible,
    SettingsError: _settings,
}
