"""Results that are computed once and saved with a checkpoint before its views can be answered."""

import asyncio
from functools import partial
from typing import Any

from backend.api.deps import Services
from backend.data.checkpoint import CHECKS, FACTORS, Checkpoint, CheckpointInfo
from backend.http.problems import Problem
from backend.interpret.cards import factors_of
from backend.interpret.checks import interventions_of
from backend.interpret.factors import Progress

COMPUTING_SECONDS = 5


async def computed_first(names: tuple[str, ...], info: CheckpointInfo, serving: Services, *, wait: bool) -> None:
    """Returns when these results are saved with the checkpoint; 409 with Retry-After if the request should not wait."""
    for name in names:
        await _COMPUTED[name](info, serving, wait)


async def ensure_factors(info: CheckpointInfo, serving: Services, wait: bool) -> None:
    """Returns when factors are saved with the checkpoint; 409 with Retry-After if the request should not wait."""
    if info.found(FACTORS).is_file():
        return
    key, long_jobs = ("factors", info.folder), serving.long_jobs

    def study() -> None:
        if not info.found(FACTORS).is_file():
            _study(serving.checkpoints.load(info), partial(long_jobs.report, key))

    await _patience(long_jobs.start(key, study), wait, f"Factors are being computed ({long_jobs.progress(key)}).")


async def _ensure_interventions(info: CheckpointInfo, serving: Services, wait: bool) -> None:
    checkpoints, long_jobs = serving.checkpoints, serving.long_jobs
    if not info.found(CHECKS).is_file():
        key = ("interventions", info.folder)
        study = long_jobs.start(
            key, lambda: interventions_of(checkpoints.load(info), progress=partial(long_jobs.report, key))
        )
        await _patience(study, wait, f"Names are being checked ({long_jobs.progress(key)}).")


_COMPUTED = {"factors": ensure_factors, "interventions": _ensure_interventions}


async def _patience(study: asyncio.Task[Any], wait: bool, sentence: str) -> None:
    """Returns when a study is done; 409 with Retry-After if the request should not wait."""
    if not wait:
        raise Problem(
            409,
            "computing",
            sentence,
            remedy=f"Try again in {COMPUTING_SECONDS} seconds, or send wait=true.",
            headers={"Retry-After": str(COMPUTING_SECONDS)},
        )
    await asyncio.shield(study)


def _study(checkpoint: Checkpoint, progress: Progress) -> None:
    """Computes the factors and saves them with the checkpoint; a clip that cannot be analysed is a conflict."""
    try:
        factors_of(checkpoint, progress=progress)
    except ValueError as error:
        raise Problem(
            409,
            "factors-impossible",
            f"The factors of {checkpoint.info.name} cannot be computed: {error}.",
            remedy="Run diswm factors with a data set of more and longer episodes.",
        ) from error
