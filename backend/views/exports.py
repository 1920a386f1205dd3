"""An export of any view as work: its kind names the query that is read, and the plan that it becomes."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from backend.data.catalogue import NotFound
from backend.data.checkpoint import CheckpointInfo
from backend.http.problems import Fault, Problem, nearest, short
from backend.interpret.request import ViewError
from backend.views.bodies import Query, query_of
from backend.views.checkpoint_cache import Library
from backend.views.formats import MEDIA_TYPES, choose_format
from backend.views.imagination import (
    REEL_FORMATS,
    CounterfactualFileQuery,
    TemporalFileQuery,
    TogetherFileQuery,
    plan_counterfactual,
    plan_temporal,
    plan_together,
)
from backend.views.jobs import Plan, plan_rollout, plan_traversal
from backend.views.params import ROLLOUT_FORMATS, TRAVERSAL_FORMATS, RolloutFileQuery, TraversalFileQuery
from backend.views.tables import (
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

EXPORT_KINDS = (
    *("traversal", "bundle", "rollout", "temporal", "together", "counterfactual"),
    *("factors", "intervals", "interventions", "leakage", "sensitivity", "carried", "compare"),
)


class Asked(NamedTuple):
    """An export as it is asked for: the view's fields are those of its query."""

    kind: str
    format: str
    view: Mapping[str, Any]


Planner = Callable[[Asked, CheckpointInfo, Library], Plan]


def plan_export(asked: Asked, info: CheckpointInfo, library: Library) -> Plan:
    """The work that an export is; raises Problem or ViewError before any of it is done."""
    if asked.kind not in EXPORT_KINDS:
        detail = f"{short(asked.kind)} is not one of {', '.join(EXPORT_KINDS)}"
        fault = Fault("/kind", detail, nearest(asked.kind, EXPORT_KINDS))
        raise Problem(422, "invalid-input", f"/kind: {detail}", remedy="Choose one of them.", errors=[fault])
    return _PLANNERS[asked.kind](asked, info, library)


def _of_one(
    plan: Callable[[CheckpointInfo, Library, Query, str], Plan], query: type[Query], offered: tuple[str, ...]
) -> Planner:
    """A view of one checkpoint, whose query says all."""
    return lambda asked, info, library: plan(info, library, query_of(query, asked.view), _format(asked, offered))


def _traversal(asked: Asked, info: CheckpointInfo, library: Library) -> Plan:
    format = _format(asked, ("zip",) if asked.kind == "bundle" else TRAVERSAL_FORMATS)
    return plan_traversal(info, library, query_of(TraversalFileQuery, asked.view), format)


def _together(asked: Asked, info: CheckpointInfo, library: Library) -> Plan:
    query = query_of(TogetherFileQuery, asked.view)
    others = [_found(name, "with", library) for name in query.others.split(",") if name]
    return plan_together([info, *others], library, query, _format(asked, REEL_FORMATS))


def _compare(asked: Asked, info: CheckpointInfo, library: Library) -> Plan:
    query = query_of(CompareQuery, asked.view)
    return plan_comparison(info, _found(query.other, "other", library), library, query, _format(asked, CHART_FORMATS))


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


def _format(asked: Asked, offered: tuple[str, ...]) -> str:
    files = tuple(name for name in offered if name in MEDIA_TYPES and name != "json")
    try:
        return choose_format(asked.format, None, files)
    except Problem as problem:
        problem.errors = tuple(Fault("/format", fault.detail, fault.suggestion) for fault in problem.errors)
        raise
