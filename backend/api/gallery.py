"""The gallery: views saved with a note, each shown as a picture, all of them as a report."""

import asyncio
from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from backend.api.checkpoints import find_checkpoint
from backend.api.deps import Services, Serving
from backend.api.openapi import files, refusals
from backend.api.schemas import PieceBody, PieceList, PieceView, PieceWords
from backend.data.catalogue import NotFound
from backend.data.gallery import MOST, GalleryFull, Piece, add_piece, change_piece, read_gallery, remove_piece
from backend.data.networks import CheckpointError
from backend.http.problems import Problem, not_found
from backend.http.responses import Answer, send
from backend.interpret.request import ViewError
from backend.views.formats import MEDIA_TYPES
from backend.views.jobs import carry_out, export_job
from backend.views.params import pointing_into_the_body

TITLE = "Kept views"

router = APIRouter(tags=["gallery"])


@router.get("/gallery")
def list_gallery(serving: Serving) -> PieceList:
    """Every saved view, oldest first."""
    return PieceList(items=[_view(piece) for piece in read_gallery(serving.home)])


@router.post("/gallery", status_code=201, responses=refusals(404, 406, 409))
async def save_view(body: PieceBody, request: Request, serving: Serving) -> PieceView:
    """Save a view; one that cannot be drawn is refused."""
    info = await find_checkpoint(body.checkpoint, request, serving)
    with pointing_into_the_body():
        await asyncio.to_thread(export_job, body.kind, "png", body.view, info, serving.checkpoints)
    try:
        with serving.writing:
            return _view(
                add_piece(serving.home, body.kind, info.id, body.view, body.title.strip(), body.note, body.link)
            )
    except GalleryFull:
        detail = f"The gallery has {MOST} views already."
        raise Problem(409, "gallery-full", detail, remedy="Take some out first.") from None


@router.get(
    "/gallery/report",
    responses=files("text/html", "application/pdf", description="The report."),
    response_class=Response,
)
async def get_report(
    request: Request,
    serving: Serving,
    format: Annotated[Literal["html", "pdf"], Query(description="One page for browsers, or a PDF.")] = "html",
) -> Response:
    """All saved views with their titles and notes in one self-contained file."""
    from backend.export.report import Entry, report

    entries = []
    for piece in await asyncio.to_thread(read_gallery, serving.home):
        about = f"{piece.kind} of {piece.checkpoint}"
        try:
            picture = (await _picture(piece, request, serving)).content
            entries.append(Entry(piece.title, piece.note, about, picture))
        except (NotFound, Problem, ViewError, CheckpointError) as error:
            missing = f"This view cannot be drawn any more: {getattr(error, 'detail', error)}"
            entries.append(Entry(piece.title, piece.note, about, None, missing))
    content = await asyncio.to_thread(report, TITLE, entries, format)
    return send(request, Answer(content, MEDIA_TYPES[format], f"diswm_report.{format}"))


@router.get(
    "/gallery/{piece}/picture",
    responses={**files("image/png", description="The view."), **refusals(404, 409)},
    response_class=Response,
)
async def get_picture(piece: str, request: Request, serving: Serving) -> Response:
    """A saved view as it is drawn now."""
    found = next((item for item in read_gallery(serving.home) if item.id == piece), None)
    if found is None:
        raise not_found("piece", piece, known=[])
    return send(request, await _picture(found, request, serving))


@router.put("/gallery/{piece}", responses=refusals(404))
def change_words(piece: str, body: PieceWords, serving: Serving) -> PieceView:
    """Change the title and note of a view."""
    with serving.writing:
        changed = change_piece(serving.home, piece, body.title.strip(), body.note)
    if changed is None:
        raise not_found("piece", piece, known=[])
    return _view(changed)


@router.delete("/gallery/{piece}", status_code=204, responses=refusals(404))
def take_out(piece: str, serving: Serving) -> None:
    """Remove a view from the gallery."""
    with serving.writing:
        if not remove_piece(serving.home, piece):
            raise not_found("piece", piece, known=[])


async def _picture(piece: Piece, request: Request, serving: Services) -> Answer:
    info = await find_checkpoint(piece.checkpoint, request, serving)
    job = await asyncio.to_thread(export_job, piece.kind, "png", piece.view, info, serving.checkpoints)
    return await carry_out(job, serving.executor, serving.long_jobs)


def _view(piece: Piece) -> PieceView:
    return PieceView(**asdict(piece))
