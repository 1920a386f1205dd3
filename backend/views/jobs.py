"""Views as work for the executor: what a request asks for, its key, its cost, and how it is answered."""

import asyncio
from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from backend.data.checkpoint import Checkpoint, CheckpointInfo
from backend.http.problems import Fault, Problem, nearest, short
from backend.http.responses import Answer
from backend.interpret.request import ViewError
from backend.views.catalogue import BUNDLE, EXPORT_KINDS, KINDS, Kind
from backend.views.checkpoint_cache import CheckpointCache
from backend.views.executor import LongJobs, ViewExecutor
from backend.views.formats import choose_format
from backend.views.kinds import Budget, Builder, Sources, builder_of, lacking, make_view
from backend.views.params import Asked, of_body
from backend.views.serializers import json_answer

BUNDLE_FACTOR = 8  # a bundle contains every kind of file


class Job(NamedTuple):
    """One piece of work."""

    key: Hashable
    cost: float
    make: Callable[[], Answer]
    long: bool = False  # whether it takes seconds


async def carry_out(job: Job, executor: ViewExecutor, long_jobs: LongJobs) -> Answer:
    """The answer of a job. Slow ones are made one at a time, and stored even if the client has gone."""
    if not job.long:
        return await executor.answer(job.key, job.cost, job.make)
    cache = executor.cache
    cached = cache.get(job.key)
    if cached is not None:
        return cached
    study = long_jobs.start(job.key, job.make)

    def keep(done: asyncio.Task[Answer]) -> None:
        if not done.cancelled() and done.exception() is None:
            cache.put(job.key, done.result())

    study.add_done_callback(keep)
    return await asyncio.shield(study)


def view_job(kind: Kind, info: CheckpointInfo, checkpoints: CheckpointCache, asked: Asked, format: str) -> Job:
    """A view as JSON or as a file; raises Problem, ViewError or NotFound before any of it is done."""
    builder, request, options = builder_of(kind), asked.request, asked.options
    refuse_unable(kind, info)
    refuse_over_budget(builder.budget(info, request))
    builder.check(info, request, checkpoints)
    sources = builder.sources(info, request, checkpoints)
    refuse_unable(kind, *sources.checkpoints)
    style = () if format == "json" else tuple(getattr(options, name) for name in kind.style)
    key = (kind.name, checkpoints.version(info), _version(sources, checkpoints), repr(request), format, style)
    cost = builder.cost(info, request, sources) * (BUNDLE_FACTOR if format == "zip" else 1)

    def make() -> Answer:
        if getattr(request, "actions", "") == "policy":
            for each in (info, *sources.checkpoints):
                refuse_foreign_policy(checkpoints.load(each))
        try:
            view = make_view(builder, checkpoints, info, request, sources)
            if format == "json":
                return json_answer(view.to_json())
            file = view.to_file(format, options)
        except ViewError as error:
            raise _conflict(error, builder) from error
        return Answer(file.content, file.media_type, file.file_name, file.warning)

    return Job(key, cost, make, builder.long(info, request, sources))


def export_job(
    name: str, format: str, values: Mapping[str, Any], info: CheckpointInfo, checkpoints: CheckpointCache
) -> Job:
    """An export as work; raises Problem or ViewError before any of it is done."""
    if name not in EXPORT_KINDS:
        detail = f"{short(name)} is not one of {', '.join(EXPORT_KINDS)}"
        fault = Fault("/kind", detail, nearest(name, EXPORT_KINDS))
        raise Problem(422, "invalid-input", f"/kind: {detail}", remedy="Choose one of them.", errors=[fault])
    kind = KINDS["traversal" if name == BUNDLE else name]
    offered = ("zip",) if name == BUNDLE else kind.formats
    asked = of_body(kind, values)
    try:
        chosen = choose_format(format, None, offered)
    except Problem as problem:
        problem.errors = tuple(replace(fault, pointer="/format") for fault in problem.errors)
        raise
    return view_job(kind, info, checkpoints, asked, chosen)


def refuse_unable(kind: Kind, *checkpoints: CheckpointInfo) -> None:
    """409 if a model cannot do what a kind of view needs."""
    lacks = lacking(kind, *checkpoints)
    if lacks is not None:
        raise Problem(
            409,
            "not-offered",
            f"{lacks}.",
            remedy="Choose a checkpoint whose `capabilities` include it; rollouts work with every model that imagines.",
            errors=[Fault("path:checkpoint", lacks)],
        )


def refuse_foreign_policy(checkpoint: Checkpoint) -> None:
    """409 if there is no policy, or its actions are not those of the model."""
    behaviour, size = checkpoint.actor_critic, checkpoint.model.config.action_size
    if behaviour is not None and behaviour.config.action_size == size:
        return
    has = (
        "no policy"
        if behaviour is None
        else f"a policy with {behaviour.config.action_size} actions, the model takes {size}"
    )
    raise Problem(
        409,
        "policy-does-not-fit",
        f"{checkpoint.info.name} has {has}.",
        remedy="Use actions=recorded or actions=zero, or a checkpoint of a fine-tuned agent.",
        errors=[Fault("query:actions", f"the checkpoint has {has}")],
    )


def _version(sources: Sources, checkpoints: CheckpointCache) -> Hashable:
    dataset = sources.dataset
    known = None if dataset is None else (dataset.id, dataset.frames)
    return tuple(checkpoints.version(each) for each in sources.checkpoints), known


def refuse_over_budget(budget: Budget | None) -> None:
    """422 with cost and limit for a query that is too expensive to be answered at once."""
    if budget is not None and budget.cost > budget.limit:
        cost, limit, field, unit = budget
        raise Problem(
            422,
            "over-budget",
            f"This query costs {cost:,} {unit}; the limit is {limit:,}.",
            remedy="Ask for fewer dims, columns or steps.",
            errors=[Fault(f"query:{field}", f"{cost:,} {unit} are more than {limit:,}")],
            extra={"cost": cost, "limit": limit},
        )


def _conflict(error: ViewError, builder: Builder) -> Exception:
    """409 if the checkpoint is the reason that the view cannot be made; otherwise the error itself."""
    if error.field != "checkpoint" or builder.conflict is None:
        return error
    fault = Fault("path:checkpoint", error.message)
    type, remedy = builder.conflict
    return Problem(409, type, f"{error.message}.", remedy=remedy, errors=[fault])
