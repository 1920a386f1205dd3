"""Measures the factors of a checkpoint over a data set instead of over its own clip."""

import asyncio
from collections.abc import Callable
from functools import partial

from fastapi import APIRouter

from backend.api.checkpoints import Found
from backend.api.deps import Services, Serving
from backend.api.openapi import refusals
from backend.api.schemas import MeasureBody, MeasuringView
from backend.data.catalogue import find_dataset
from backend.data.checkpoint import CheckpointInfo
from backend.data.episodes import DatasetInfo
from backend.http.problems import Problem
from backend.interpret.cards import encode_dataset, factors_of
from backend.views.catalogue import KINDS
from backend.views.jobs import refuse_unable

router = APIRouter(tags=["factors"])


@router.post("/checkpoints/{checkpoint}/measurements", status_code=202, responses=refusals(409))
async def measure(info: Found, body: MeasureBody, serving: Serving) -> MeasuringView:
    """Start a measurement over every frame of a data set; the result replaces the one stored with the checkpoint."""
    refuse_unable(KINDS["factors"], info)
    dataset = await asyncio.to_thread(find_dataset, serving.home, body.dataset)
    serving.long_jobs.start(_key(info), _study(info, dataset, serving))
    return _view(info, serving)


@router.get("/checkpoints/{checkpoint}/measurements", responses=refusals(409))
async def get_measurement(info: Found, serving: Serving) -> MeasuringView:
    """The progress of the measurement; if it failed, the error, once."""
    return _view(info, serving)


def _view(info: CheckpointInfo, serving: Services) -> MeasuringView:
    key = _key(info)
    return MeasuringView(running=serving.long_jobs.is_running(key), progress=serving.long_jobs.progress(key))


def _study(info: CheckpointInfo, dataset: DatasetInfo, serving: Services) -> Callable[[], None]:
    def study() -> None:
        checkpoint = serving.checkpoints.load(info)
        try:
            frames = encode_dataset(checkpoint, dataset)
            factors_of(checkpoint, frames, progress=partial(serving.long_jobs.report, _key(info)))
        except ValueError as error:
            detail = f"The factors of {info.name} cannot be measured over {dataset.name}: {error}."
            remedy = "Take a data set of more and longer episodes, with as many actions as the model."
            raise Problem(409, "factors-impossible", detail, remedy=remedy) from error

    return study


def _key(info: CheckpointInfo) -> tuple[str, object]:
    return ("factors over a data set", info.folder)
