"""One dimension: its card, and the name that a person gave it."""

from typing import Any

from fastapi import APIRouter, Request, Response

from backend.api.checkpoints import Found
from backend.api.computing import ensure_factors
from backend.api.deps import Serving, whole_number
from backend.api.openapi import files, refusals
from backend.api.schemas import LabelBody, LabelList, LabelView
from backend.data.checkpoint import Label, read_labels, write_label
from backend.data.episodes import now
from backend.http.problems import not_found
from backend.http.responses import Answer, send
from backend.interpret.cards import encode_clip, extreme_frames
from backend.views.catalogue import KINDS
from backend.views.jobs import refuse_unable
from backend.views.serializers import json_answer
from backend.views.tables import factors_table

router = APIRouter(tags=["factors"])

_JSON: dict[int | str, dict[str, Any]] = {
    **files("application/json", description="The table."),
    **refusals(409),
}


@router.get("/checkpoints/{checkpoint}/factors/{dim}", responses=_JSON, response_class=Response)
async def get_card(info: Found, dim: str, request: Request, serving: Serving) -> Response:
    """One dimension: its entry of the table, and the frames of the clip where it is lowest and highest."""
    number = whole_number(dim, "path:dim", 0, info.latents - 1)
    refuse_unable(KINDS["factors"], info)
    await ensure_factors(info, serving, wait=True)

    def make() -> Answer:
        checkpoint = serving.checkpoints.load(info)
        entry = next(item for item in factors_table(checkpoint)["dimensions"] if item["dim"] == number)
        return json_answer({**entry, "extremes": extreme_frames(encode_clip(checkpoint), number)})

    return send(request, await serving.executor.answer(("card", serving.checkpoints.version(info), number), 100, make))


@router.put("/checkpoints/{checkpoint}/labels/{dim}", responses=refusals(409))
def put_label(info: Found, dim: str, body: LabelBody, serving: Serving) -> LabelView:
    """A person's name for a dimension; it takes precedence over the computed one. An empty name removes it."""
    number = whole_number(dim, "path:dim", 0, info.latents - 1)
    label = Label(body.name.strip(), body.note, body.author, now())
    with serving.writing:
        write_label(info, number, label)
    return LabelView(dim=number, **vars(label))


@router.delete("/checkpoints/{checkpoint}/labels/{dim}", status_code=204, responses=refusals(409))
def delete_label(info: Found, dim: str, serving: Serving) -> None:
    """Remove a person's name for a dimension; the computed one is shown again."""
    number = whole_number(dim, "path:dim", 0, info.latents - 1)
    with serving.writing:
        if number not in read_labels(info):
            raise not_found("label", dim, known=map(str, read_labels(info)))
        write_label(info, number, Label("", "", "", now()))


@router.get("/checkpoints/{checkpoint}/labels", responses=refusals(409))
def get_labels(info: Found) -> LabelList:
    """People's names for the dimensions: who gave each name, when, and with which note."""
    return LabelList(items=[LabelView(dim=dim, **vars(label)) for dim, label in read_labels(info).items()])
