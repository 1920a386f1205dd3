"""An export of any view as work: its kind names the query that is read, and the plan that it becomes."""

from collections.abc import Callable

from backend.answers import MEDIA_TYPES, choose_format
from backend.bodies import query_of
from backend.charting import (
    CHART_FORMATS,
    CarriedQuery,
    ChartQuery,
    CompareQuery,
    SensitivityQuery,
    plan_carried,
    plan_comparison,
    plan_factors,
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


def _traversal(body: ExportBody, info: CheckpointInfo, library: Library) -> Plan:
    format = _format(body, ("zip",) if body.kind == "bundle" else TRAVERSAL_FORMATS)
    return plan_traversal(info, library, query_of(TraversalFileQuery, body.view), format)


def _rollout(body: ExportBody, info: CheckpointInfo, library: Library) -> Plan:
    return plan_rollout(info, library, query_of(RolloutFileQuery, body.view), _format(body, ROLLOUT_FORMATS))


def _temporal(body: ExportBody, info: CheckpointInfo, library: Library) -> Plan:
    return plan_temporal(info, library, query_of(TemporalFileQuery, body.view), _format(body, REEL_FORMATS))


def _together(body: ExportBody, info: CheckpointInfo, library: Library) -> Plan:
    query = query_of(TogetherFileQuery, body.view)
    others = [_found(name, "with", library) for name in query.others.split(",") if name]
    return plan_together([info, *others], library, query, _format(body, REEL_FORMATS))


def _counterfactual(body: ExportBody, info: CheckpointInfo, library: Library) -> Plan:
    return plan_counterfactual(info, library, query_of(CounterfactualFileQuery, body.view), _format(body, REEL_FORMATS))


def _factors(body: ExportBody, info: CheckpointInfo, library: Library) -> Plan:
    return plan_factors(info, library, query_of(ChartQuery, body.view), _format(body, CHART_FORMATS))


def _leakage(body: ExportBody, info: CheckpointInfo, library: Library) -> Plan:
    return plan_leakage(info, library, query_of(ChartQuery, body.view), _format(body, CHART_FORMATS))


def _sensitivity(body: ExportBody, info: CheckpointInfo, library: Library) -> Plan:
    return plan_sensitivity(info, library, query_of(SensitivityQuery, body.view), _format(body, CHART_FORMATS))


def _carried(body: ExportBody, info: CheckpointInfo, library: Library) -> Plan:
    return plan_carried(info, library, query_of(CarriedQuery, body.view), _format(body, CHART_FORMATS))


def _compare(body: ExportBody, info: CheckpointInfo, library: Library) -> Plan:
    query = query_of(CompareQuery, body.view)
    return plan_comparison(info, _found(query.other, "other", library), library, query, _format(body, CHART_FORMATS))


_PLANNERS: dict[str, Planner] = {
    "traversal": _traversal,
    "bundle": _traversal,
    "rollout": _rollout,
    "temporal": _temporal,
    "together": _together,
    "counterfactual": _counterfactual,
    "factors": _factors,
    "leakage": _leakage,
    "sensitivity": _sensitivity,
    "carried": _carried,
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
