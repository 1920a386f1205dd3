"""Measures the factors of a checkpoint over a data set instead of over its own clip."""

import asyncio
import logging
from collections.abc import Callable

from fastapi import APIRouter

from backend.api.checkpoints import Found
from backend.api.deps import Services, Serving
from backend.api.openapi import refusals
from backend.api.schemas import MeasureBody, MeasuringView
from backend.api.under_way import Begun, Work
from backend.data.catalogue import find_dataset
from backend.data.checkpoint import CheckpointInfo
from backend.data.episodes import DatasetInfo
from backend.http.problems import Problem
from backend.interpret.cards import encode_dataset, factors_of
from backend.views.catalogue import KINDS
from backend.views.jobs import refuse_unable

log = logging.getLogger(__name__)

router = APIRouter(tags=["factors"])


@router.post("/checkpoints/{checkpoint}/measurements", status_code=202, responses=refusals(409))
async def measure(info: Found, body: MeasureBody, serving: Serving) -> MeasuringView:
    """Start a measurement over every frame of a data set; the result replaces the one stored with the checkpoint."""
    refuse_unable(KINDS["factors"], info)
    dataset = await asyncio.to_thread(find_dataset, serving.home, body.dataset)
    work = _work(info, serving)
    begun = await asyncio.to_thread(work.begin)
    if begun is not None:
        try:
            serving.long_jobs.start(("factors over a data set", info.folder), _study(info, dataset, serving, begun))
        except Problem as error:
            begun.fail(error)
            work.forget()
            raise
    return await asyncio.to_thread(_view, work)


@router.get("/checkpoints/{checkpoint}/measurements", responses=refusals(409))
async def get_measurement(info: Found, serving: Serving) -> MeasuringView:
    """The progress of the measurement; if it failed, the error, once."""
    return await asyncio.to_thread(_view, _work(info, serving))


def _view(work: Work) -> MeasuringView:
    progress = work.progress()
    if progress is None:
        outcome = work.outcome()
        if outcome is not None:
            work.forget()
            if outcome.problem is not None:
                raise outcome.problem
    return MeasuringView(running=progress is not None, progress=progress or "waiting")


def _study(info: CheckpointInfo, dataset: DatasetInfo, serving: Services, begun: Begun) -> Callable[[], None]:
    def report(done: float, phase: str) -> None:
        begun.report(f"{phase}, {done:.0%}")

    def study() -> None:
        try:
            checkpoint = serving.checkpoints.load(info)
            factors_of(checkpoint, encode_dataset(checkpoint, dataset), progress=report)
        except ValueError as error:
            detail = f"The factors of {info.name} cannot be measured over {dataset.name}: {error}."
            remedy = "Take a data set of more and longer episodes, with as many actions as the model."
            begun.fail(Problem(409, "factors-impossible", detail, remedy=remedy))
        except Exception as error:
            log.exception("measuring the factors of %s over %s failed", info.name, dataset.name)
            begun.fail(error)
        else:
            begun.end()

    return study


def _work(info: CheckpointInfo, serving: Services) -> Work:
    return Work(serving.home, f"factors over a data set of {info.folder}")
