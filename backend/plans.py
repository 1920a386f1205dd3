"""Views as work for the workshop: what a query or an export asks for, its key and its cost."""

from collections.abc import Callable, Hashable
from typing import NamedTuple

from backend.answers import MEDIA_TYPES, choose_format
from backend.bodies import query_of
from backend.data.checkpoint import CheckpointInfo
from backend.deps import Library
from backend.drawing import draw_rollout, draw_traversal
from backend.errors import Fault, Problem, nearest, short
from backend.interpret.base import find_frames
from backend.queries import ROLLOUT_FORMATS, TRAVERSAL_FORMATS, RolloutFileQuery, TraversalFileQuery, cells_of
from backend.schemas import ExportBody
from backend.workshop import Answer

BUNDLE_FACTOR = 8  # a bundle holds every kind of file

Actions = tuple[tuple[float, ...], ...]


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


def plan_traversal(info: CheckpointInfo, library: Library, query: TraversalFileQuery, format: str) -> Plan:
    """A traversal, as JSON or as a file; raises Problem or ViewError before any of it is done."""
    view, options = query.request(info), query.options()
    key = ("traversal", library.version(info), repr(view), format, options if format != "json" else None)
    cost = cells_of(view, info) * (BUNDLE_FACTOR if format == "zip" else 1)
    return Plan(
        key, cost, lambda: draw_traversal(library.load(info), view, format, options, find_frames(library.home, view))
    )


def plan_rollout(
    info: CheckpointInfo, library: Library, query: RolloutFileQuery, format: str, given: Actions = ()
) -> Plan:
    """A rollout, as JSON or as a file; raises Problem or ViewError before any of it is done."""
    asked, options = query.request(given), query.options()
    key = ("rollout", library.version(info), repr(asked), format, options if format != "json" else None)
    cost = asked.steps * (asked.samples + 2)
    return Plan(key, cost, lambda: draw_rollout(library.load(info), asked, format, options))


def _traversal(body: ExportBody, info: CheckpointInfo, library: Library) -> Plan:
    format = _format(body.format, TRAVERSAL_FORMATS)
    return plan_traversal(info, library, query_of(TraversalFileQuery, body.view), format)


def _rollout(body: ExportBody, info: CheckpointInfo, library: Library) -> Plan:
    format = _format(body.format, ROLLOUT_FORMATS)
    return plan_rollout(info, library, query_of(RolloutFileQuery, body.view), format)


def _bundle(body: ExportBody, info: CheckpointInfo, library: Library) -> Plan:
    format = _format(body.format, ("zip",))
    return plan_traversal(info, library, query_of(TraversalFileQuery, body.view), format)


def _format(asked: str, offered: tuple[str, ...]) -> str:
    files = tuple(name for name in offered if name in MEDIA_TYPES and name != "json")
    try:
        return choose_format(asked, None, files)
    except Problem as problem:
        problem.errors = tuple(Fault("/format", fault.detail, fault.suggestion) for fault in problem.errors)
        raise
