"""Runs: submit, follow, cancel, resume, clone, remove."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import EventSourceResponse
from pydantic import Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import State

from backend.api.openapi import refusals
from backend.api.pagination import Search, Several, several
from backend.api.schemas import Body
from backend.http.problems import Fault, Problem, invalid, short
from backend.pipeline.settings import MAX_SEED
from backend.runs.devices import labels_in, without_labels
from backend.runs.errors import (
    IncompatibleSource,
    InvalidRun,
    KeyReused,
    RunConflict,
    RunError,
    RunNotFound,
)
from backend.runs.folders import read_log, readable_folder
from backend.runs.found import Run, find_run
from backend.runs.metrics import read_curve_points, read_metrics
from backend.runs.references import run_that_uses, run_that_writes
from backend.runs.service import Order, RunService, Submitted, open_service
from backend.runs.states import ACTIVE, RunState
from backend.runs.views import (
    EventView,
    LogView,
    MetricsView,
    RunPage,
    RunView,
    WorkerList,
    WorkerView,
    view_event,
    view_run,
)

EVENTS_POLL_S = 0.5

router = APIRouter(tags=["runs"])

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
Since = Annotated[int, Query(ge=0, le=2**53, description="The `next` of the answer before.")]
Points = Annotated[
    int | None,
    Query(
        ge=2,
        le=10_000,
        description="About so many points of each metric, over the whole run: the least and greatest of each bucket.",
    ),
]
Key = Annotated[
    str | None,
    Header(alias="Idempotency-Key", min_length=1, max_length=200, description="Makes sending it twice safe."),
]


class RunRequest(Body):
    """A run to be queued: a stage, a preset, and the settings that differ from it."""

    stage: str = Field(description="collect, pretrain, finetune or pipeline.", max_length=100)
    preset: str = Field(default="tiny", description="tiny, small or paper.", max_length=100)
    settings: dict[str, Any] = Field(default={}, description="GET /schemas/{stage} lists them.")
    name: Name | None = None
    seed: Seed = 0
    device: str | None = Field(
        default=None,
        description="auto, cpu, cuda or cuda:N, of the worker's machine; cuda@A: of a worker with the label A.",
        max_length=100,
    )


class CloneRequest(Body):
    """What the new run does differently; settings are merged into those of the run."""

    preset: str | None = Field(default=None, max_length=100)
    settings: dict[str, Any] = Field(default={})
    name: Name | None = None
    seed: Seed | None = None
    device: str | None = Field(default=None, max_length=100)


class ResumeRequest(Body):
    """What to change before a run goes on: a larger number of steps, or how often it saves, logs and evaluates."""

    settings: dict[str, Any] = Field(default={}, description="Merged into those of the run.")


_opening = threading.Lock()


def run_service_of(request: Request) -> RunService:
    """The service of this process; opens the database at the first request."""
    return run_service(request.app.state)


def run_service(state: State) -> RunService:
    """The service of the application with this state."""
    with _opening:
        service = getattr(state, "run_service", None)
        if service is None:
            service = state.run_service = open_service(state.settings)
            state.run_desk = service  # its name in version 0.1, by which scripts of others find it
    assert isinstance(service, RunService)
    return service


Runs = Annotated[RunService, Depends(run_service_of)]


def found_run(run: str, service: Runs) -> Run:
    """The run named in the path; 404 if there is none."""
    with answering():
        return service.get(run)


Found = Annotated[Run, Depends(found_run)]


@router.post("/runs", status_code=202, responses=refusals(409))
def submit_run(body: RunRequest, service: Runs, response: Response, key: Key = None) -> RunView:
    """Queue a run. With an Idempotency-Key, sending it again answers with the run of the first time."""
    order = Order(body.stage, body.preset, body.settings, body.name, body.seed, body.device)
    with answering():
        return _submitted(service, service.submit(order, key), response)


@router.get("/runs")
def list_runs(
    service: Runs,
    state: Several = "",
    stage: Several = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    search: Search = "",
) -> RunPage:
    """Runs, newest first."""
    states, stages = _states(several(state)), several(stage)
    with answering():
        page, now = service.page(limit, cursor, states, stages, search), service.store.now()
    return RunPage(items=[view_run(row, service.home, now) for row in page.rows], next_cursor=page.next_cursor)


@router.get("/workers")
def list_workers(service: Runs) -> WorkerList:
    """The workers that were heard of lately, and the devices and labels that runs may ask of them."""
    with answering():
        workers = service.store.workers()
    items = [
        WorkerView(name=name, devices=without_labels(held), labels=labels_in(held))
        for name, held in sorted(workers.items())
    ]
    return WorkerList(items=items)


@router.get("/runs/{run}")
def get_run(row: Found, service: Runs) -> RunView:
    """One run."""
    with answering():
        return _shown(service, row)


@router.delete("/runs/{run}", status_code=204, responses=refusals(409))
def delete_run(row: Found, service: Runs) -> None:
    """Remove a run and everything it made."""
    with answering():
        service.remove(row.id)


@router.post("/runs/{run}/cancel", status_code=202, responses=refusals(409))
def cancel_run(row: Found, service: Runs) -> RunView:
    """Save and stop: a waiting run at once, a running one within five seconds."""
    with answering():
        return _shown(service, service.cancel(row.id))


@router.post("/runs/{run}/resume", status_code=202, responses=refusals(409))
def resume_run(row: Found, service: Runs, body: ResumeRequest | None = None) -> RunView:
    """Queue a paused, failed or cancelled run again, from its last save; one that is over, with more steps."""
    with answering():
        return _shown(service, service.resume(row.id, {} if body is None else body.settings))


@router.post("/runs/{run}/clone", status_code=202, responses=refusals(409))
def clone_run(row: Found, service: Runs, response: Response, body: CloneRequest | None = None) -> RunView:
    """Queue a new run like this one, with edits."""
    edits = {} if body is None else body.model_dump(exclude_unset=True)
    with answering():
        return _submitted(service, service.clone(row.id, edits), response)


@router.get("/runs/{run}/metrics")
def get_metrics(row: Found, service: Runs, since: Since = 0, points: Points = None) -> MetricsView:
    """Lines of metrics from number `since` on; with `points`, the whole curve thinned, for a first look."""
    folder = readable_folder(service.home, row.id)
    lines = read_metrics(folder, since) if points is None else read_curve_points(folder, points)
    return MetricsView(items=lines.items, next=lines.next)


@router.get("/runs/{run}/log")
def get_log(row: Found, service: Runs, since: Since = 0) -> LogView:
    """The log from byte `since` on."""
    piece = read_log(readable_folder(service.home, row.id), since)
    return LogView(text=piece.text, next=piece.next)


@router.get("/runs/{run}/events", response_class=EventSourceResponse)
async def stream_events(row: Found, service: Runs) -> AsyncIterator[EventView]:
    """State and progress at each change, until the run has ended or paused.

    Where the table of runs stops answering, the last event says `lost`: ask again.
    """
    last: EventView | None = None
    current: Run | None = row
    while current is not None:
        try:
            event = await run_in_threadpool(_event, service, current)
            if event != last:
                yield event
                last = event
            if event.state not in ACTIVE:
                return
            await asyncio.sleep(EVENTS_POLL_S)
            current = await run_in_threadpool(_current, service, row.id)
        except SQLAlchemyError:
            if last is not None:
                yield last.model_copy(update={"lost": True})
            return


def _states(names: Sequence[str]) -> list[RunState]:
    """Raises Problem for a state that there is not."""
    unknown = next((name for name in names if name not in list(RunState)), None)
    if unknown is not None:
        raise invalid(
            "query:state", f"there is no state {short(unknown)}", remedy=f"It is one of {', '.join(RunState)}."
        )
    return [RunState(name) for name in names]


def _event(service: RunService, row: Run) -> EventView:
    return view_event(row, service.home, service.store.now())


def _current(service: RunService, run_id: str) -> Run | None:
    return service.store.get(run_id) or find_run(service.home, run_id)


def _submitted(service: RunService, submitted: Submitted, response: Response) -> RunView:
    response.headers["Location"] = f"/api/v1/runs/{submitted.row.id}"
    return _shown(service, submitted.row)


def _shown(service: RunService, row: Run) -> RunView:
    return view_run(row, service.home, service.store.now())


def refuse_while_needed(service: RunService, home: Path, folder: Path, names: set[str], name: str) -> None:
    """409 if a run needs the thing in `folder`, known under `names`."""
    needing = run_that_uses(service.store, names)
    if needing is not None:
        raise in_use(
            f"The run {needing.name} ({needing.id}) is {needing.state} and needs {name}.",
            f"Cancel or delete that run first: DELETE /api/v1/runs/{needing.id}.",
        )
    writing = run_that_writes(service.store, home, folder)
    if writing is not None:
        raise in_use(f"{name} is being written: {writing}.", "Cancel that first, or wait for its end.")


def in_use(detail: str, remedy: str) -> Problem:
    """409 for something that cannot be deleted now."""
    return Problem(409, "in-use", detail, remedy=remedy)


@contextmanager
def answering() -> Iterator[None]:
    """Turn the service's refusals into problems."""
    try:
        yield
    except RunError as error:
        _refuse(error)


def _refuse(error: RunError) -> NoReturn:
    match error:
        case RunNotFound():
            fault = Fault("path:run", "no such run")
            raise Problem(404, "run-not-found", error.detail, remedy=error.remedy, errors=[fault]) from None
        case InvalidRun():
            faults = [Fault(problem.pointer, problem.message, problem.suggestion) for problem in error.problems]
            raise Problem(
                422,
                "invalid-input",
                f"{faults[0].pointer}: {faults[0].detail}",
                remedy="Correct the fields that errors lists; GET /api/v1/schemas/{stage} describes every setting.",
                errors=faults,
            ) from None
        case KeyReused():
            fault = Fault("header:Idempotency-Key", error.detail)
            raise Problem(422, "key-reused", error.detail, remedy=error.remedy, errors=[fault]) from None
        case IncompatibleSource():
            faults = [Fault("/settings/teacher", error.detail)]
            raise Problem(409, "incompatible-checkpoint", error.detail, remedy=error.remedy, errors=faults) from None
        case RunConflict():
            raise Problem(409, "run-state", error.detail, remedy=error.remedy) from None
        case _:
            raise error
