"""What a model sees: the agent's pixels that it draws correctly, and its imagination compared with simple guesses."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from backend.api.checkpoints import Found
from backend.api.deps import Serving
from backend.api.openapi import files, refusals
from backend.http.responses import send
from backend.views.jobs import carry_out
from backend.views.quality import QualityQuery, quality_job

router = APIRouter(tags=["checkpoints"])


@router.get(
    "/checkpoints/{checkpoint}/quality",
    responses={
        **files("application/json", description="Numbers, intervals, a sentence."),
        **refusals(409),
    },
    response_class=Response,
)
async def get_quality(
    info: Found, request: Request, serving: Serving, query: Annotated[QualityQuery, Query()]
) -> Response:
    """Share of the agent's pixels that are right and PSNR, observed and imagined, with 95 % intervals over episodes.

    Kept with a checkpoint; of an older one it is measured when it is first asked for, in a few seconds.
    """
    job = await asyncio.to_thread(quality_job, info, serving.checkpoints, query)
    return send(request, await carry_out(job, serving.executor, serving.long_jobs))
