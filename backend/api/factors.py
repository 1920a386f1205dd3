"""What each dimension means: factors, a person's names, leakage, sensitivity, and how two checkpoints go together."""

import asyncio
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from backend.api.checkpoints import Found, find_checkpoint
from backend.api.deps import Services, Serving, whole_number
from backend.api.openapi import files, refusals
from backend.api.schemas import LabelBody, LabelList, LabelView
from backend.data.checkpoint import CHECKS, FACTORS, Checkpoint, CheckpointInfo, Label, read_labels, write_label
from backend.data.episodes import now
from backend.http.problems import Problem, not_found
from backend.http.responses import Answer, send
from backend.interpret.cards import encode_clip, extreme_frames, factors_of
from backend.interpret.checks import interventions_of
from backend.interpret.factors import Progress
from backend.views.formats import MEDIA_TYPES, choose_format
from backend.views.jobs import carry_out
from backend.views.serializers import json_answer
from backend.views.tables import (
    CHART_FORMATS,
    ChartQuery,
    CompareQuery,
    FactorsQuery,
    SensitivityQuery,
    factors_table,
    plan_comparison,
    plan_factors,
    plan_intervals,
    plan_interventions,
    plan_leakage,
    plan_sensitivity,
)

COMPUTING_SECONDS = 5

router = APIRouter(tags=["factors"])

_JSON: dict[int | str, dict[str, Any]] = {
    **files("application/json", description="The table."),
    **refusals(409),
}
_CHART: dict[int | str, dict[str, Any]] = {
    **files(*(MEDIA_TYPES[name] for name in CHART_FORMATS)),
    **refusals(406, 409),
}


@router.get("/checkpoints/{checkpoint}/factors", responses=_CHART, response_class=Response)
async def get_factors(
    info: Found, request: Request, serving: Serving, query: Annotated[FactorsQuery, Query()]
) -> Response:
    """Dimensions x factors, names and metrics. The first question starts the computation: 409 until it is done."""
    format = _format(query, request)
    await _ensure_factors(info, serving, query.wait)
    return send(
        request, await carry_out(plan_factors(info, serving.library, query, format), serving.workshop, serving.studies)
    )


@router.get("/checkpoints/{checkpoint}/factors/{dim}", responses=_JSON, response_class=Response)
async def get_card(info: Found, dim: str, request: Request, serving: Serving) -> Response:
    """One dimension: its entry of the table, and the frames of the clip where it is lowest and highest."""
    number = whole_number(dim, "path:dim", 0, info.latents - 1)
    await _ensure_factors(info, serving, wait=True)

    def make() -> Answer:
        checkpoint = serving.library.load(info)
        entry = next(item for item in factors_table(checkpoint)["dimensions"] if item["dim"] == number)
        return json_answer({**entry, "extremes": extreme_frames(encode_clip(checkpoint), number)})

    return send(request, await serving.workshop.answer(("card", serving.library.version(info), number), 100, make))


@router.put("/checkpoints/{checkpoint}/labels/{dim}", responses=refusals(409))
def put_label(info: Found, dim: str, body: LabelBody, serving: Serving) -> LabelView:
    """What a person calls a dimension; it wins over every computed name. An empty name takes it away."""
    number = whole_number(dim, "path:dim", 0, info.latents - 1)
    label = Label(body.name.strip(), body.note, body.author, now())
    with serving.writing:
        write_label(info, number, label)
    return LabelView(dim=number, **vars(label))


@router.delete("/checkpoints/{checkpoint}/labels/{dim}", status_code=204, responses=refusals(409))
def delete_label(info: Found, dim: str, serving: Serving) -> None:
    """Take a person's name of a dimension away; the computed one shows again."""
    number = whole_number(dim, "path:dim", 0, info.latents - 1)
    with serving.writing:
        if number not in read_labels(info):
            raise not_found("label", dim, known=map(str, read_labels(info)))
        write_label(info, number, Label("", "", "", now()))


@router.get("/checkpoints/{checkpoint}/leakage", responses=_CHART, response_class=Response)
async def get_leakage(
    info: Found, request: Request, serving: Serving, query: Annotated[ChartQuery, Query()]
) -> Response:
    """How far each latent moves when the picture of an edit of another is encoded again: (Z, Z)."""
    plan = plan_leakage(info, serving.library, query, _format(query, request))
    return send(request, await carry_out(plan, serving.workshop, serving.studies))


@router.get("/checkpoints/{checkpoint}/sensitivity", responses=_CHART, response_class=Response)
async def get_sensitivity(
    info: Found, request: Request, serving: Serving, query: Annotated[SensitivityQuery, Query()]
) -> Response:
    """How far reward, value and actions move when one dimension moves by a sigma: does the policy heed a distractor?"""
    plan = await asyncio.to_thread(plan_sensitivity, info, serving.library, query, _format(query, request))
    return send(request, await carry_out(plan, serving.workshop, serving.studies))


@router.get("/checkpoints/{checkpoint}/compare", responses=_CHART, response_class=Response)
async def get_comparison(
    info: Found, request: Request, serving: Serving, query: Annotated[CompareQuery, Query()]
) -> Response:
    """Which dimension of one checkpoint is which of the other, and what became of the names."""
    format = _format(query, request)
    second = await find_checkpoint(query.other, request, serving)
    return send(
        request,
        await carry_out(
            plan_comparison(info, second, serving.library, query, format), serving.workshop, serving.studies
        ),
    )


@router.get("/checkpoints/{checkpoint}/intervals", responses=_CHART, response_class=Response)
async def get_intervals(
    info: Found, request: Request, serving: Serving, query: Annotated[FactorsQuery, Query()]
) -> Response:
    """The best factors of each dimension with 95% intervals, and chance. 409 until factors are computed."""
    format = _format(query, request)
    await _ensure_factors(info, serving, query.wait)
    return send(
        request,
        await carry_out(plan_intervals(info, serving.library, query, format), serving.workshop, serving.studies),
    )


@router.get("/checkpoints/{checkpoint}/interventions", responses=_CHART, response_class=Response)
async def get_interventions(
    info: Found, request: Request, serving: Serving, query: Annotated[FactorsQuery, Query()]
) -> Response:
    """Names checked both ways: what edits of a dimension draw, and which dimensions a factor moves in the simulator.

    The first question starts the measurement: 409 until it is done.
    """
    format = _format(query, request)
    await _ensure_factors(info, serving, query.wait)
    library, studies = serving.library, serving.studies
    if not info.found(CHECKS).is_file():
        key = ("interventions", info.folder)
        study = studies.start(key, lambda: interventions_of(library.load(info), progress=partial(studies.report, key)))
        await _patience(study, query.wait, f"Names are being checked ({studies.progress(key)}).")
    return send(
        request, await carry_out(plan_interventions(info, library, query, format), serving.workshop, serving.studies)
    )


@router.get("/checkpoints/{checkpoint}/labels", responses=refusals(409))
def get_labels(info: Found) -> LabelList:
    """What people call the dimensions: who gave each name, when, and what they noted."""
    return LabelList(items=[LabelView(dim=dim, **vars(label)) for dim, label in read_labels(info).items()])


async def _ensure_factors(info: CheckpointInfo, serving: Services, wait: bool) -> None:
    """Returns once factors are kept with the checkpoint; 409 with Retry-After where that is not to be waited for."""
    if info.found(FACTORS).is_file():
        return
    key, studies = ("factors", info.folder), serving.studies

    def study() -> None:
        if not info.found(FACTORS).is_file():
            _study(serving.library.load(info), partial(studies.report, key))

    await _patience(studies.start(key, study), wait, f"Factors are being computed ({studies.progress(key)}).")


async def _patience(study: asyncio.Task[Any], wait: bool, sentence: str) -> None:
    """Returns when a study is done; 409 with Retry-After where that is not to be waited for."""
    if not wait:
        raise Problem(
            409,
            "computing",
            sentence,
            remedy=f"Ask again in {COMPUTING_SECONDS} seconds, or ask with wait=true.",
            headers={"Retry-After": str(COMPUTING_SECONDS)},
        )
    await asyncio.shield(study)


def _study(checkpoint: Checkpoint, progress: Progress) -> None:
    """Computes the factors and keeps them with the checkpoint; a clip that cannot be analysed is a conflict."""
    try:
        factors_of(checkpoint, progress=progress)
    except ValueError as error:
        raise Problem(
            409,
            "factors-impossible",
            f"The factors of {checkpoint.info.name} cannot be computed: {error}.",
            remedy="Run diswm factors with a data set of more and longer episodes.",
        ) from error


def _format(query: ChartQuery, request: Request) -> str:
    return choose_format(query.format, request.headers.get("accept"), CHART_FORMATS)
