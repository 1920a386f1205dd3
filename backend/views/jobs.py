"""Views as work for the workshop: what a query asks for, its key and its cost."""

import asyncio
from collections.abc import Callable, Hashable
from typing import NamedTuple

from backend.data.checkpoint import CheckpointInfo
from backend.http.responses import Answer
from backend.interpret.base import find_frames
from backend.interpret.rollout import MOST_EPISODES, scores_over_episodes
from backend.views.checkpoint_cache import Library
from backend.views.executor import Studies, Workshop
from backend.views.params import RolloutFileQuery, ScoresQuery, TraversalFileQuery, cells_of
from backend.views.serializers import draw_rollout, draw_traversal, json_answer

BUNDLE_FACTOR = 8  # a bundle holds every kind of file

Actions = tuple[tuple[float, ...], ...]


class Plan(NamedTuple):
    """One piece of work."""

    key: Hashable
    cost: float
    make: Callable[[], Answer]
    long: bool = False  # whether it takes seconds


async def carry_out(plan: Plan, workshop: Workshop, studies: Studies) -> Answer:
    """The answer of a plan. One that takes seconds is made one at a time, and kept even if nobody waits any more."""
    if not plan.long:
        return await workshop.answer(plan.key, plan.cost, plan.make)
    cache = workshop.cache
    kept = cache.get(plan.key)
    if kept is not None:
        return kept
    study = studies.start(plan.key, plan.make)

    def keep(done: asyncio.Task[Answer]) -> None:
        if not done.cancelled() and done.exception() is None:
            cache.put(plan.key, done.result())

    study.add_done_callback(keep)
    return await asyncio.shield(study)


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


def plan_scores(info: CheckpointInfo, library: Library, query: ScoresQuery) -> Plan:
    """How close rollouts come to the truth over episodes; raises Problem or ViewError before any of it is done."""
    asked = query.request()
    key = ("scores", library.version(info), repr(asked))
    cost = asked.steps * MOST_EPISODES * 2
    return Plan(key, cost, lambda: json_answer(scores_over_episodes(library.load(info), asked)))
