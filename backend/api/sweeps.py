"""Sweeps: queue a run for every combination of a grid and every seed, and follow, cancel or resume them together."""

import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field

from backend.api.openapi import refusals
from backend.api.runs import Key, Name, Runs, Seed, answering
from backend.api.schemas import Body, View
from backend.runs.sweeps import MOST_RUNS, Sweep, SweepOrder, SweepService
from backend.runs.views import RunView, view_run

router = APIRouter(tags=["sweeps"])


class SweepRequest(Body):
    """What all runs of a sweep share, and the grid in which they differ."""

    stage: str = Field(default="finetune", description="collect, pretrain, finetune or pipeline.", max_length=100)
    preset: str = Field(default="tiny", description="tiny, small or paper.", max_length=100)
    settings: dict[str, Any] = Field(default={}, description="Those that all runs share; GET /schemas/{stage}.")
    grid: dict[str, list[Any]] = Field(
        default={}, description="The values of each setting to try; dots lead into sections, as in finetune.beta."
    )
    seeds: list[Seed] = Field(default=[0], min_length=1, max_length=MOST_RUNS)
    name: Name | None = None
    device: str | None = Field(default=None, max_length=100)


class SweepView(View):
    """A sweep: how many of its runs are in each state, and the settings in which they differ."""

    id: str
    stage: str
    created_at: str
    count: int
    states: dict[str, int]
    varied: list[str]


class SweepDetailView(SweepView):
    """A sweep with its runs, in the order of the grid."""

    runs: list[RunView]


class SweepList(View):
    """The latest sweeps, newest first."""

    items: list[SweepView]


@router.post("/sweeps", status_code=202, responses=refusals(409))
def submit_sweep(body: SweepRequest, service: Runs, response: Response, key: Key = None) -> SweepView:
    """Queue every run of a sweep, or none. With an Idempotency-Key, sending it again makes no second sweep."""
    order = SweepOrder(body.stage, body.preset, body.settings, body.grid, body.seeds, body.name, body.device)
    with answering():
        sweep = SweepService(service).submit(order, key)
    response.headers["Location"] = f"/api/v1/sweeps/{sweep.id}"
    return SweepView(**_shown(sweep))


@router.get("/sweeps")
def list_sweeps(service: Runs, limit: Annotated[int, Query(ge=1, le=100)] = 20) -> SweepList:
    """The latest sweeps, newest first."""
    with answering():
        return SweepList(items=[SweepView(**_shown(sweep)) for sweep in SweepService(service).newest(limit)])


@router.get("/sweeps/{sweep}")
def get_sweep(sweep: str, service: Runs) -> SweepDetailView:
    """One sweep and its runs."""
    sweeps = SweepService(service)
    with answering():
        found, rows, now = sweeps.get(sweep), sweeps.members(sweep), service.store.now()
    return SweepDetailView(**_shown(found), runs=[view_run(row, service.home, now) for row in rows])


@router.post("/sweeps/{sweep}/cancel", status_code=202, responses=refusals(409))
def cancel_sweep(sweep: str, service: Runs) -> SweepView:
    """End every run of the sweep that waits or runs."""
    with answering():
        return SweepView(**_shown(SweepService(service).cancel(sweep)))


@router.post("/sweeps/{sweep}/resume", status_code=202, responses=refusals(409))
def resume_sweep(sweep: str, service: Runs) -> SweepView:
    """Queue every run of the sweep that was stopped again."""
    with answering():
        return SweepView(**_shown(SweepService(service).resume(sweep)))


def _shown(sweep: Sweep) -> dict[str, Any]:
    created = datetime.datetime.fromtimestamp(sweep.created_at, datetime.UTC).isoformat(timespec="milliseconds")
    return {**sweep._asdict(), "created_at": created, "count": sum(sweep.states.values())}
