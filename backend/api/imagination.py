"""What the page asks of imagination besides views: driving by hand, a run's history, scores over episodes."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from backend.api.checkpoints import Found, view_of
from backend.api.deps import Serving
from backend.api.openapi import files, refusals
from backend.api.schemas import CheckpointList, RolloutBody, SteerBody
from backend.data.catalogue import checkpoints_of_run
from backend.data.checkpoint import CheckpointInfo
from backend.http.problems import Fault, Problem, invalid
from backend.http.responses import send
from backend.interpret.request import ViewError
from backend.interpret.rollout_request import ScoresRequest
from backend.views.catalogue import KINDS
from backend.views.formats import MEDIA_TYPES, choose_format
from backend.views.jobs import carry_out, view_job
from backend.views.page_jobs import scores_job, steering_job
from backend.views.params import of_body, of_query, pointing_into_the_body, query_model

FORMATS = ("json", *KINDS["rollout"].formats)
ScoresQuery: Any = query_model(ScoresRequest, ("json",), styled=False)

router = APIRouter(tags=["imagination"])

_JSON: dict[int | str, dict[str, Any]] = {**files("application/json", description="The table."), **refusals(409)}


@router.post("/checkpoints/{checkpoint}/steer", responses=_JSON, response_class=Response)
async def post_steer(info: Found, request: Request, serving: Serving, body: SteerBody) -> Response:
    """Drive the model by hand: where these actions lead, a row a step, and what the policy would do next."""
    if not _action_size(info):
        raise Problem(
            409,
            "no-actions",
            f"{info.name} is a video model: it knows no actions.",
            remedy="Take a checkpoint of a fine-tuned agent.",
            errors=[Fault("path:checkpoint", "it knows no actions")],
        )
    job = steering_job(info, serving.checkpoints, body.episode, body.context, body.actions)
    try:
        return send(request, await serving.executor.answer(job.key, job.cost, job.make))
    except ViewError as error:
        place = {"given": "actions", "horizon": "actions"}.get(error.field, error.field)
        raise invalid(f"/{place}", error.message, remedy=_REMEDY) from error


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


_REMEDY = "Send a row of numbers from -1 to 1 a step, as many as the model takes."


def _action_size(info: CheckpointInfo) -> int:
    return int((info.config["networks"].get("world_model") or {}).get("action_size", 0))
