"""More views of imagination: dimensions held over time, by hand, over training, and against the simulator."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from backend.api.checkpoints import Found, find_checkpoint, view_of
from backend.api.deps import Services, Serving
from backend.api.openapi import files, refusals
from backend.api.schemas import CheckpointList, SteerBody
from backend.data.catalogue import NotFound, checkpoints_of_run
from backend.data.checkpoint import CheckpointInfo
from backend.envs.gl import NoRenderer
from backend.envs.protocol import EnvironmentFailed
from backend.http.problems import Fault, Problem, invalid
from backend.http.responses import send
from backend.interpret.request import ViewError
from backend.views.formats import MEDIA_TYPES, choose_format
from backend.views.imagination import (
    REEL_FORMATS,
    CounterfactualFileQuery,
    TemporalFileQuery,
    TogetherFileQuery,
    plan_counterfactual,
    plan_steering,
    plan_temporal,
    plan_together,
)
from backend.views.jobs import carry_out
from backend.views.serializers import refuse_foreign_policy
from backend.views.tables import CHART_FORMATS, CarriedQuery, plan_carried

MOST = 12  # checkpoints beside each other

router = APIRouter(tags=["imagination"])

_FILES: dict[int | str, dict[str, Any]] = {
    **files(*(MEDIA_TYPES[name] for name in REEL_FORMATS)),
    **refusals(406, 409),
}
_JSON: dict[int | str, dict[str, Any]] = {**files("application/json", description="The table."), **refusals(409)}
_CHART: dict[int | str, dict[str, Any]] = {
    **files(*(MEDIA_TYPES[name] for name in CHART_FORMATS)),
    **refusals(406, 409),
}


@router.get("/checkpoints/{checkpoint}/temporal", responses=_FILES, response_class=Response)
async def get_temporal(
    info: Found, request: Request, serving: Serving, query: Annotated[TemporalFileQuery, Query()]
) -> Response:
    """Temporal traversal: hold a dimension from a step on, a row each, and imagine what follows."""
    format = choose_format(query.format, request.headers.get("accept"), REEL_FORMATS)
    await _refuse_foreign_policy(info, serving, query.actions)
    plan = plan_temporal(info, serving.library, query, format)
    return send(request, await serving.workshop.answer(plan.key, plan.cost, plan.make))


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
    plan = plan_steering(info, serving.library, body.episode, body.context, body.actions)
    try:
        return send(request, await serving.workshop.answer(plan.key, plan.cost, plan.make))
    except ViewError as error:
        place = {"given": "actions", "horizon": "actions"}.get(error.field, error.field)
        raise invalid(f"/{place}", error.message, remedy=_REMEDY) from error


@router.get("/checkpoints/{checkpoint}/history", responses=refusals(409))
async def get_history(info: Found, serving: Serving) -> CheckpointList:
    """Every checkpoint of the same run, in the order of training: pretraining first."""
    found = await asyncio.to_thread(checkpoints_of_run, serving.home, info)
    return CheckpointList(items=[view_of(entry, serving.library) for entry in found])


@router.get("/checkpoints/{checkpoint}/rollouts", responses=_FILES, response_class=Response)
async def get_rollouts(
    info: Found, request: Request, serving: Serving, query: Annotated[TogetherFileQuery, Query()]
) -> Response:
    """The same stretch imagined by several checkpoints, step by step beside each other."""
    format = choose_format(query.format, request.headers.get("accept"), REEL_FORMATS)
    others = await _others(info, query.others, request, serving)
    for each in (info, *others):
        await _refuse_foreign_policy(each, serving, query.actions)
    plan = plan_together([info, *others], serving.library, query, format)
    return send(request, await serving.workshop.answer(plan.key, plan.cost, plan.make))


@router.get("/checkpoints/{checkpoint}/carried", responses=_CHART, response_class=Response)
async def get_carried(
    info: Found, request: Request, serving: Serving, query: Annotated[CarriedQuery, Query()]
) -> Response:
    """What training carried over: matched correlation of each dimension, and names kept, lost and gained."""
    format = choose_format(query.format, request.headers.get("accept"), CHART_FORMATS)
    plan = await asyncio.to_thread(plan_carried, info, serving.library, query, format)
    return send(request, await carry_out(plan, serving.workshop, serving.studies))


@router.get("/checkpoints/{checkpoint}/counterfactual", responses=_FILES, response_class=Response)
async def get_counterfactual(
    info: Found, request: Request, serving: Serving, query: Annotated[CounterfactualFileQuery, Query()]
) -> Response:
    """Change a factor in the simulator and its dimension in the model: the true change beside the predicted one."""
    format = choose_format(query.format, request.headers.get("accept"), REEL_FORMATS)
    plan = await asyncio.to_thread(plan_counterfactual, info, serving.library, query, format)
    try:
        return send(request, await carry_out(plan, serving.workshop, serving.studies))
    except (EnvironmentFailed, NoRenderer) as error:
        raise Problem(
            503,
            "simulator-failed",
            f"The simulator gave no answer: {error}",
            remedy="Ask again; `diswm doctor` says whether this machine can render.",
            headers={"Retry-After": "5"},
        ) from error


_REMEDY = "Send a row of numbers from -1 to 1 a step, as many as the model takes."


async def _others(info: CheckpointInfo, text: str, request: Request, serving: Services) -> list[CheckpointInfo]:
    """The further checkpoints that a query names; those of the same run where it names none."""
    names = [part for part in text.split(",") if part]
    if len(names) > MOST:
        raise invalid("query:with", f"{len(names)} checkpoints are more than {MOST}", remedy="Name fewer.")
    if names:
        return [await _named("query:with", name, request, serving) for name in names]
    history = await asyncio.to_thread(checkpoints_of_run, serving.home, info)
    return [entry for entry in history if entry.id != info.id][-MOST + 1 :]


async def _named(pointer: str, name: str, request: Request, serving: Services) -> CheckpointInfo:
    try:
        return await find_checkpoint(name, request, serving)
    except NotFound as error:
        raise invalid(pointer, str(error), remedy="GET /api/v1/checkpoints lists what there is.") from error


async def _refuse_foreign_policy(info: CheckpointInfo, serving: Services, actions: str) -> None:
    if actions == "policy":
        refuse_foreign_policy(await asyncio.to_thread(serving.library.load, info), actions)


def _action_size(info: CheckpointInfo) -> int:
    return int((info.config["networks"].get("world_model") or {}).get("action_size", 0))
