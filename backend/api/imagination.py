"""Routes of imagination besides views: a run's history, scores over episodes."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from backend.api.checkpoints import Found, view_of
from backend.api.deps import Serving
from backend.api.openapi import files, refusals
from backend.api.schemas import CheckpointList, RolloutBody
from backend.data.catalogue import checkpoints_of_run
from backend.http.responses import send
from backend.interpret.rollout_request import ScoresRequest
from backend.views.catalogue import KINDS
from backend.views.formats import MEDIA_TYPES, choose_format
from backend.views.jobs import carry_out, view_job
from backend.views.page_jobs import scores_job
from backend.views.params import of_body, of_query, pointing_into_the_body, query_model

FORMATS = ("json", *KINDS["rollout"].formats)
ScoresQuery: Any = query_model(ScoresRequest, ("json",), styled=False)

router = APIRouter(tags=["imagination"])

_JSON: dict[int | str, dict[str, Any]] = {**files("application/json", description="The table."), **refusals(409)}


@router.post(
    "/checkpoints/{checkpoint}/rollout",
    responses={**files(*(MEDIA_TYPES[name] for name in FORMATS)), **refusals(406, 409)},
    response_class=Response,
)
async def post_rollout(info: Found, request: Request, serving: Serving, body: RolloutBody) -> Response:
    """A rollout with actions given by hand, one row per imagined step."""
    values = {"horizon": len(body.actions), **body.view, "actions": "given", "given": body.actions}
    with pointing_into_the_body():
        asked = of_body(KINDS["rollout"], values)
        format = choose_format(asked.format, request.headers.get("accept"), FORMATS)
        job = view_job(KINDS["rollout"], info, serving.checkpoints, asked, format)
        return send(request, await carry_out(job, serving.executor, serving.long_jobs))


@router.get("/checkpoints/{checkpoint}/rollout-scores", responses=_JSON, response_class=Response)
async def get_rollout_scores(
    info: Found, request: Request, serving: Serving, query: Annotated[ScoresQuery, Query()]
) -> Response:
    """PSNR and SSIM of each step over the clip's episodes, beside the last frame repeated and the mean image."""
    job = scores_job(info, serving.checkpoints, of_query(ScoresRequest, query).request)
    return send(request, await serving.executor.answer(job.key, job.cost, job.make))


@router.get("/checkpoints/{checkpoint}/history", responses=refusals(409))
async def get_history(info: Found, serving: Serving) -> CheckpointList:
    """Every checkpoint of the same run, in the order of training: pretraining first."""
    found = await asyncio.to_thread(checkpoints_of_run, serving.home, info)
    return CheckpointList(items=[view_of(entry, serving.checkpoints) for entry in found])
