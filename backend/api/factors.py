"""What each dimension means: factors, a person's names, leakage, sensitivity, and how two checkpoints go together."""

import asyncio
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from backend.answers import send
from backend.api.checkpoints import Found, find_checkpoint
from backend.data.checkpoint import CHECKS, FACTORS, Checkpoint, CheckpointInfo, Label, read_labels, write_label
from backend.data.episodes import now
from backend.deps import Services, Serving, whole_number
from backend.drawing import json_answer
from backend.errors import Fault, Problem
from backend.interpret.cards import encode_clip, extreme_frames, factors_of
from backend.interpret.checks import interventions_of, verdicts
from backend.interpret.factors import Progress
from backend.interpret.leakage import leakage_of
from backend.interpret.matching import compare_checkpoints
from backend.interpret.names import dimension_names
from backend.interpret.request import ViewError
from backend.interpret.sensitivity import sensitivity_of
from backend.openapi import files, refusals
from backend.queries import Flag
from backend.schemas import LabelBody, LabelList, LabelView
from backend.workshop import Answer

COMPUTING_SECONDS = 5

router = APIRouter(tags=["factors"])

_JSON: dict[int | str, dict[str, Any]] = {
    **files("application/json", description="The table."),
    **refusals(409),
}


@router.get("/checkpoints/{checkpoint}/factors", responses=_JSON, response_class=Response)
async def get_factors(
    info: Found,
    request: Request,
    serving: Serving,
    wait: Annotated[Flag, Query(description="Wait until they are computed (up to a minute).")] = False,
) -> Response:
    """Dimensions x factors, names and metrics. The first question starts the computation: 409 until it is done."""
    await _ensure_factors(info, serving, wait)
    key = ("factors", serving.library.version(info))
    return send(request, await serving.workshop.answer(key, 1, lambda: _factors(serving.library.load(info))))


@router.get("/checkpoints/{checkpoint}/factors/{dim}", responses=_JSON, response_class=Response)
async def get_card(info: Found, dim: str, request: Request, serving: Serving) -> Response:
    """One dimension: its entry of the table, and the frames of the clip where it is lowest and highest."""
    number = whole_number(dim, "path:dim", 0, info.latents - 1)
    await _ensure_factors(info, serving, wait=True)

    def make() -> Answer:
        checkpoint = serving.library.load(info)
        entry = next(item for item in _table(checkpoint)["dimensions"] if item["dim"] == number)
        return json_answer({**entry, "extremes": extreme_frames(encode_clip(checkpoint), number)})

    return send(request, await serving.workshop.answer(("card", serving.library.version(info), number), 100, make))


@router.put("/checkpoints/{checkpoint}/labels/{dim}", responses=refusals(409))
def put_label(info: Found, dim: str, body: LabelBody, serving: Serving) -> LabelView:
    """What a person calls a dimension; it wins over every computed name. An empty name takes it away."""
    number = whole_number(dim, "path:dim", 0, info.latents - 1)
    label = Label(body.name.strip(), body.note, body.author, now())
    with serving.writing:
        write_label(info.folder, number, label)
    return LabelView(dim=number, **vars(label))


@router.get("/checkpoints/{checkpoint}/leakage", responses=_JSON, response_class=Response)
async def get_leakage(info: Found, request: Request, serving: Serving) -> Response:
    """How far each latent moves when the picture of an edit of another is encoded again: (Z, Z)."""
    key = ("leakage", serving.library.version(info))
    cost = 32 * info.latents
    answer = await serving.workshop.answer(key, cost, lambda: json_answer(leakage_of(serving.library.load(info))))
    return send(request, answer)


@router.get("/checkpoints/{checkpoint}/sensitivity", responses=_JSON, response_class=Response)
async def get_sensitivity(info: Found, request: Request, serving: Serving) -> Response:
    """How far reward, value and actions move when one dimension moves by a sigma: does the policy heed a distractor?"""
    key = ("sensitivity", serving.library.version(info))

    def make() -> Answer:
        try:
            return json_answer(sensitivity_of(serving.library.load(info)))
        except ViewError as error:
            raise _no_policy(error) from error

    return send(request, await serving.workshop.answer(key, 50 * info.latents, make))


@router.get("/checkpoints/{checkpoint}/compare", responses=_JSON, response_class=Response)
async def get_comparison(
    info: Found,
    request: Request,
    serving: Serving,
    other: Annotated[str, Query(max_length=200, description="The checkpoint to compare with.")],
) -> Response:
    """Which dimension of one checkpoint is which of the other, and what became of the names."""
    second = await find_checkpoint(other, request, serving)
    library = serving.library
    key = ("compare", library.version(info), library.version(second))
    answer = await serving.workshop.answer(
        key, 500, lambda: json_answer(compare_checkpoints(library.load(info), library.load(second)))
    )
    return send(request, answer)


@router.get("/checkpoints/{checkpoint}/interventions", responses=_JSON, response_class=Response)
async def get_interventions(
    info: Found,
    request: Request,
    serving: Serving,
    wait: Annotated[Flag, Query(description="Wait until they are measured (up to a minute).")] = False,
) -> Response:
    """Names checked both ways: what edits of a dimension draw, and which dimensions a factor moves in the simulator.

    The first question starts the measurement: 409 until it is done.
    """
    await _ensure_factors(info, serving, wait)
    library, studies = serving.library, serving.studies
    if not (info.folder / CHECKS).is_file():
        key = ("interventions", info.folder)
        study = studies.start(key, lambda: interventions_of(library.load(info), progress=partial(studies.report, key)))
        await _patience(study, wait, f"Names are being checked ({studies.progress(key)}).")

    def make() -> Answer:
        checkpoint = library.load(info)
        return json_answer(verdicts(checkpoint, interventions_of(checkpoint)))

    return send(request, await serving.workshop.answer(("interventions", library.version(info)), 100, make))


@router.get("/checkpoints/{checkpoint}/labels", responses=refusals(409))
def get_labels(info: Found) -> LabelList:
    """What people call the dimensions: who gave each name, when, and what they noted."""
    labels = sorted(read_labels(info.folder).items())
    return LabelList(items=[LabelView(dim=dim, **vars(label)) for dim, label in labels])


async def _ensure_factors(info: CheckpointInfo, serving: Services, wait: bool) -> None:
    """Returns once factors are kept with the checkpoint; 409 with Retry-After where that is not to be waited for."""
    if (info.folder / FACTORS).is_file():
        return
    key, studies = ("factors", info.folder), serving.studies

    def study() -> None:
        if not (info.folder / FACTORS).is_file():
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


def _factors(checkpoint: Checkpoint) -> Answer:
    return json_answer(_table(checkpoint))


def _table(checkpoint: Checkpoint) -> dict[str, Any]:
    """factors.json with the names that people gave: they win, and are listed under `labels` as well."""
    table = checkpoint.factors or factors_of(checkpoint)  # again where the folder cannot be written to
    names = dimension_names(checkpoint)
    dimensions = [
        {**entry, "name": names[entry["dim"]].name, "name_source": names[entry["dim"]].source}
        for entry in table["dimensions"]
    ]
    labels = [{"dim": dim, **vars(label)} for dim, label in sorted(read_labels(checkpoint.info.folder).items())]
    return {**table, "dimensions": dimensions, "labels": labels}


def _no_policy(error: ViewError) -> Problem:
    return Problem(
        409,
        "no-policy",
        f"{error.message}.",
        remedy="Take a checkpoint of a fine-tuned agent.",
        errors=[Fault("path:checkpoint", error.message)],
    )
