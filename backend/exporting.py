"""An export of any view as work: its kind names the query that is read, and the plan that it becomes."""

from collections.abc import Callable

from backend.answers import MEDIA_TYPES, choose_format
from backend.bodies import Query, query_of
from backend.charting import (
    CHART_FORMATS,
    CarriedQuery,
    ChartQuery,
    CompareQuery,
    SensitivityQuery,
    plan_carried,
    plan_comparison,
    plan_factors,
    plan_intervals,
    plan_interventions,
    plan_leakage,
    plan_sensitivity,
)
from backend.data.catalogue import NotFound
from backend.data.checkpoint import CheckpointInfo
from backend.deps import Library
from backend.errors import Fault, Problem, nearest, short
from backend.interpret.request import ViewError
from backend.plans import Plan, plan_rollout, plan_traversal
from backend.queries import ROLLOUT_FORMATS, TRAVERSAL_FORMATS, RolloutFileQuery, TraversalFileQuery
from backend.reels import (
    REEL_FORMATS,
    CounterfactualFileQuery,
    TemporalFileQuery,
    TogetherFileQuery,
    plan_counterfactual,
    plan_temporal,
    plan_together,
)
from backend.schemas import EXPORT_KINDS, ExportBody

Planner = Callable[[ExportBody, CheckpointInfo, Library], Plan]


def plan_export(body: ExportBody, info: CheckpointInfo, library: Library) -> Plan:
    """The work that an export is; raises Problem or ViewError before any of it is done."""
    if body.kind not in EXPORT_KINDS:
        detail = f"{short(body.kind)} is not one of {', '.join(EXPORT_KINDS)}"
        fault = Fault("/kind", detail, nearest(body.kind, EXPORT_KINDS))
        raise Problem(422, "invalid-input", f"/kind: {detail}", remedy="Choose one of them.", errors=[fault])
    return _PLANNERS[body.kind](body, info, library)


def _of_one(
    plan: Callable[[CheckpointInfo, Library, Query, str], Plan], query: type[Query], offered: tuple[str, ...]
) -> Planner:
    """A view of one checkpoint, whose query says all."""
    return lambda body, info, library: plan(info, library, query_of(query, body.view), _format(body, offered))


def _traversal(body: ExportBody, info: CheckpointInfo, library: Library) -> Plan:
    format = _format(body, ("zip",) if body.kind == "bundle" else TRAVERSAL_FORMATS)
    return plan_traversal(info, library, query_of(TraversalFileQuery, body.view), format)


def _together(body: ExportBody, info: CheckpointInfo, library: Library) -> Plan:
    query = query_of(TogetherFileQuery, body.view)
    others = [_found(name, "with", library) for name in query.others.split(",") if name]
    return plan_together([info, *others], library, query, _format(body, REEL_FORMATS))


def _compare(body: ExportBody, info: CheckpointInfo, library: Library) -> Plan:
    query = query_of(CompareQuery, body.view)
    return plan_comparison(info, _found(query.other, "other", library), library, query, _format(body, CHART_FORMATS))


_PLANNERS: dict[str, Planner] = {
    "traversal": _traversal,
    "bundle": _traversal,
    "rollout": _of_one(plan_rollout, RolloutFileQuery, ROLLOUT_FORMATS),
    "temporal": _of_one(plan_temporal, TemporalFileQuery, REEL_FORMATS),
    "together": _together,
    "counterfactual": _of_one(plan_counterfactual, CounterfactualFileQuery, REEL_FORMATS),
    "factors": _of_one(plan_factors, ChartQuery, CHART_FORMATS),
    "intervals": _of_one(plan_intervals, ChartQuery, CHART_FORMATS),
    "interventions": _of_one(plan_interventions, ChartQuery, CHART_FORMATS),
    "leakage": _of_one(plan_leakage, ChartQuery, CHART_FORMATS),
    "sensitivity": _of_one(plan_sensitivity, SensitivityQuery, CHART_FORMATS),
    "carried": _of_one(plan_carried, CarriedQuery, CHART_FORMATS),
    "compare": _compare,
}


def _found(name: str, field: str, library: Library) -> CheckpointInfo:
    try:
        return library.find(name)
    except NotFound as error:
        raise ViewError(field, str(error)) from None


def _format(body: ExportBody, offered: tuple[str, ...]) -> str:
    files = tuple(name for name in offered if name in MEDIA_TYPES and name != "json")
    try:
        return choose_format(body.format, None, files)
    except Problem as problem:
        problem.errors = tuple(Fault("/format", fault.detail, fault.suggestion) for fault in problem.errors)
        raise
