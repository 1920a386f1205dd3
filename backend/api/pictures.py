"""A user's own pictures as the base of a view: uploaded once, then named by an id computed from their pixels."""

import asyncio
from functools import partial
from pathlib import Path

from fastapi import APIRouter, Request, Response

from backend.api.deps import Serving
from backend.api.openapi import files, multipart, refusals
from backend.api.schemas import PictureView
from backend.api.uploads import say_made, take_in
from backend.data.containers import VideoError
from backend.data.stills import find_stills, read_stills, remove_stills, store_stills
from backend.http.multipart import Upload, only_fields
from backend.http.problems import Fault, Problem, not_found
from backend.http.responses import Answer, send
from backend.views.formats import MEDIA_TYPES
from backend.views.images import contact_sheet, encode

router = APIRouter(tags=["traversals"])


@router.post(
    "/pictures",
    status_code=201,
    responses={200: {"model": PictureView, "description": "These pixels are already here."}},
    openapi_extra=multipart("files", many=True),
)
async def upload_picture(request: Request, serving: Serving, response: Response) -> PictureView:
    """PNG or JPEG files in the order of time; the last is the base. A separate, limited process decodes them."""
    view, known = await take_in(request, serving.home, serving.intake, partial(_take_in, serving.home))
    say_made(response, view.url, known=known)
    return view


@router.get(
    "/pictures/{picture}",
    responses={**files("image/png", description="The pictures side by side, the base last."), **refusals(404)},
    response_class=Response,
)
async def get_picture(picture: str, request: Request, serving: Serving) -> Response:
    """The pictures of an upload, 64 x 64 each."""

    found = await asyncio.to_thread(find_stills, serving.home, picture)
    if found is None:
        raise not_found("picture", picture, known=[])

    def make() -> Answer:
        return Answer(encode(contact_sheet([found]), "png"), MEDIA_TYPES["png"])

    return send(request, await serving.executor.answer(("picture", picture), 1, make))


@router.delete("/pictures/{picture}", status_code=204, responses=refusals(404))
async def delete_picture(picture: str, serving: Serving) -> None:
    """Remove an uploaded picture; views that start from it can no longer be drawn."""
    serving.executor.cache.drop(("picture", picture))
    if not await asyncio.to_thread(remove_stills, serving.home, picture):
        raise not_found("picture", picture, known=[])


def _take_in(home: Path, upload: Upload) -> tuple[PictureView, bool]:
    only_fields(upload, set())
    try:
        stills = read_stills([(file.name, file.path) for file in upload.files])
    except VideoError as error:
        fault = Fault("/files", str(error))
        raise Problem(422, "picture-refused", str(error), remedy=error.remedy, errors=[fault]) from error
    id, known = store_stills(home, stills.image)
    return PictureView(id=id, url=f"/api/v1/pictures/{id}", frames=len(stills.image), notes=list(stills.notes)), known
