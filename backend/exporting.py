"""What an export asks for, as work for the workshop."""

from collections.abc import Callable, Hashable
from typing import NamedTuple

from backend.answers import MEDIA_TYPES, choose_format
from backend.bodies import query_of
from backend.data.checkpoint import CheckpointInfo
from backend.deps import Library
from backend.drawing import draw_bundle, draw_rollout, draw_traversal
from backend.errors import Fault, Problem, nearest, short
from backend.queries import ROLLOUT_FORMATS, TRAVERSAL_FORMATS, RolloutFileQuery, TraversalFileQuery
from backend.schemas import ExportBody
from backend.workshop import Answer

BUNDLE_FACTOR = 8  # a bundle holds every kind of file


class Plan(NamedTuple):
    """One piece of work."""

    key: Hashable
    cost: float
    make: Callable[[], Answer]


def plan_export(body: ExportBody, info: CheckpointInfo, library: Library) -> Plan:
    """The work that an export is; raises Problem or ViewError before any of it is done."""
    kinds = {"traversal": _traversal, "rollout": _rollout, "bundle": _bundle}
    if body.kind not in kinds:
        detail = f"{short(body.kind)} is not one of {', '.join(kinds)}"
        fault = Fault("/kind", detail, nearest(body.kind, kinds))
        raise Problem(422, "invalid-input", f"/kind: {detail}", remedy="Choose one of them.", errors=[fault])
    return kinds[body.kind](body, info, library)


def _traversal(body: ExportBody, info: CheckpointInfo, library: Library) -> Plan:
    format = _format(body.format, TRAVERSAL_FORMATS)
    query = query_of(TraversalFileQuery, body.view)
    view, options = query.request(info), query.options()
    key = ("traversal", library.version(info), repr(view), format, options)
    rows = info.latents if view.dims is None else len(view.dims)
    return Plan(key, rows * view.columns, lambda: draw_traversal(library.load(info), view, format, options))


def _rollout(body: ExportBody, info: CheckpointInfo, library: Library) -> Plan:
    format = _format(body.format, ROLLOUT_FORMATS)
    query = query_of(RolloutFileQuery, body.view)
    asked, options = query.request(), query.options()
    key = ("rollout", library.version(info), repr(asked), format, options)
    cost = asked.steps * (asked.samples + 2)
    return Plan(key, cost, lambda: draw_rollout(library.load(info), asked, format, options))


def _bundle(body: ExportBody, info: CheckpointInfo, library: Library) -> Plan:
    _format(body.format, ("zip",))
    query = query_of(TraversalFileQuery, body.view)
    view, options = query.request(info), query.options()
    key = ("bundle", library.version(info), repr(view), options)
    rows = info.latents if view.dims is None else len(view.dims)
    return Plan(key, BUNDLE_FACTOR * rows * view.columns, lambda: draw_bundle(library.load(info), view, options))


def _format(asked: str, offered: tuple[str, ...]) -> str:
    files = tuple(name for name in offered if name in MEDIA_TYPES and name != "json")
    try:
        return choose_format(asked, None, files)
    except Problem as problem:
        problem.errors = tuple(Fault("/format", fault.detail, fault.suggestion) for fault in problem.errors)
        raise
