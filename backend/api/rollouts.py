"""Rollouts: what the model expects to see, beside what came, and another future after an edit."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from backend.api.checkpoints import Found
from backend.api.deps import Services, Serving
from backend.api.openapi import files, refusals
from backend.api.schemas import RolloutBody
from backend.data.checkpoint import CheckpointInfo
from backend.http.responses import send
from backend.views.bodies import pointing_into_the_body, query_of
from backend.views.formats import MEDIA_TYPES, choose_format
from backend.views.jobs import Actions, plan_rollout, plan_scores
from backend.views.params import ROLLOUT_FORMATS, RolloutFileQuery, ScoresQuery

router = APIRouter(tags=["rollouts"])

_RESPONSES: dict[int | str, dict[str, Any]] = {
    **files(*(MEDIA_TYPES[name] for name in ROLLOUT_FORMATS)),
    **refusals(406, 409),
}
_SCORES: dict[int | str, dict[str, Any]] = {
    **files("application/json", description="Mean and 80% band of each step."),
    **refusals(409),
}


@router.get("/checkpoints/{checkpoint}/rollout", responses=_RESPONSES, response_class=Response)
async def get_rollout(
    info: Found, request: Request, serving: Serving, query: Annotated[RolloutFileQuery, Query()]
) -> Response:
    """Watch an episode for `context` steps, then imagine `horizon` more."""
    return await _answer(info, request, serving, query, ())


@router.post("/checkpoints/{checkpoint}/rollout", responses=_RESPONSES, response_class=Response)
async def post_rollout(info: Found, request: Request, serving: Serving, body: RolloutBody) -> Response:
    """The same with actions given by hand, one row an imagined step."""
    with pointing_into_the_body():
        query = query_of(RolloutFileQuery, {"horizon": len(body.actions), **body.view})
        return await _answer(info, request, serving, query, tuple(tuple(row) for row in body.actions))


@router.get("/checkpoints/{checkpoint}/rollout-scores", responses=_SCORES, response_class=Response)
async def get_rollout_scores(
    info: Found, request: Request, serving: Serving, query: Annotated[ScoresQuery, Query()]
) -> Response:
    """PSNR and SSIM of each step over the clip's episodes, beside the last frame repeated and the mean image."""
    plan = plan_scores(info, serving.library, query)
    return send(request, await serving.workshop.answer(plan.key, plan.cost, plan.make))


async def _answer(
    info: CheckpointInfo,
    request: Request,
    serving: Services,
    query: RolloutFileQuery,
    given: Actions,
) -> Response:
    format = choose_format(query.format, request.headers.get("accept"), ROLLOUT_FORMATS)
    plan = plan_rollout(info, serving.library, query, format, given)
    return send(request, await serving.workshop.answer(plan.key, plan.cost, plan.make))
