"""Return curves of several runs, next to the published figures."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from backend.api.openapi import refusals
from backend.api.runs import Runs, answering
from backend.api.schemas import View
from backend.data.curves import NoCurve, compare_curves, read_curve
from backend.http.problems import Fault, Problem
from backend.runs.folders import readable_folder
from backend.runs.sweeps import SweepService

MOST_RUNS = 50

router = APIRouter(tags=["runs"])


class CurvesView(View):
    """Mean and band of each kind of run, and random actions; `left_out` gives the reason for every run missing."""

    groups: list[dict[str, Any]]
    random: list[dict[str, Any]]
    published: list[dict[str, Any]]
    note: str
    left_out: dict[str, str]


@router.get("/curves", responses=refusals(404))
def get_curves(
    service: Runs,
    runs: Annotated[str, Query(max_length=4000, description="Ids of runs, with commas between them.")] = "",
    sweep: Annotated[str | None, Query(max_length=200, description="Or all runs of a sweep, by its id.")] = None,
) -> CurvesView:
    """Mean return and band (one standard deviation over seeds) against environment steps."""
    names = list(dict.fromkeys(name for name in runs.split(",") if name))
    varied: tuple[str, ...] = ()
    if sweep is not None:
        sweeps = SweepService(service)
        with answering():
            names, varied = [row.id for row in sweeps.members(sweep)], sweeps.get(sweep).varied
    elif not 1 <= len(names) <= MOST_RUNS:
        faults = [Fault("query:runs", f"names {len(names)} runs, there may be 1 to {MOST_RUNS}")]
        raise Problem(422, "invalid-input", "No runs to compare.", remedy="Name runs, as a,b,c.", errors=faults)
    curves, left_out = [], {}
    for name in names:
        with answering():
            row = service.get(name)
        try:
            curves.append(read_curve(readable_folder(service.home, row.id)))
        except NoCurve as error:
            left_out[name] = str(error)
    return CurvesView(**compare_curves(curves, varied), left_out=left_out)
