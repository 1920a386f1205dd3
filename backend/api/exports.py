"""Exports: a view as a file that is made once, stored under its own address, and given a readable name."""

import asyncio

from fastapi import APIRouter, Request, Response

from backend.api.checkpoints import find_checkpoint
from backend.api.deps import Serving
from backend.api.openapi import files, refusals
from backend.api.schemas import ExportBody, ExportView
from backend.data.catalogue import NotFound
from backend.data.export_store import StoredExport, find_export, remove_export, store_export
from backend.http.problems import Fault, Problem, not_found
from backend.http.responses import matches, not_modified, send_file
from backend.views.jobs import carry_out, export_job
from backend.views.params import pointing_into_the_body

router = APIRouter(tags=["exports"])


@router.post(
    "/exports",
    status_code=201,
    responses={200: {"model": ExportView, "description": "It was made before."}, **refusals(406, 409)},
)
async def create_export(body: ExportBody, request: Request, serving: Serving, response: Response) -> ExportView:
    """Make and store a figure, an animation, a table or a whole bundle of a view."""
    try:
        info = await find_checkpoint(body.checkpoint, request, serving)
    except NotFound as error:
        raise _unknown_checkpoint(error) from None
    with pointing_into_the_body():
        job = await asyncio.to_thread(export_job, body.kind, body.format, body.view, info, serving.checkpoints)
        answer = await carry_out(job, serving.executor, serving.long_jobs)
    stored, known = await asyncio.to_thread(
        store_export, serving.home, answer.content, answer.file_name or "export", answer.media_type
    )
    response.status_code = 200 if known else 201
    response.headers["Location"] = f"/api/v1/exports/{stored.id}"
    return _view(stored, answer.warning)


@router.get(
    "/exports/{export}", responses=files("application/octet-stream", description="The file."), response_class=Response
)
def get_export(export: str, request: Request, serving: Serving) -> Response:
    """The file, under its descriptive name."""
    found = find_export(serving.home, export)
    if found is None:
        raise not_found("export", export, known=[])
    stored, path = found
    if matches(request.headers.get("if-none-match"), _etag(stored)):
        return not_modified(_etag(stored))
    return send_file(path.open("rb"), stored.media_type, stored.file_name, _etag(stored))


@router.delete("/exports/{export}", status_code=204)
def delete_export(export: str, serving: Serving) -> None:
    """Delete an exported file; the next request for it makes it again."""
    if not remove_export(serving.home, export):
        raise not_found("export", export, known=[])


def _view(stored: StoredExport, warning: str) -> ExportView:
    return ExportView(
        id=stored.id,
        url=f"/api/v1/exports/{stored.id}",
        file_name=stored.file_name,
        media_type=stored.media_type,
        etag=_etag(stored),
        bytes=stored.bytes,
        warning=warning,
    )


def _etag(stored: StoredExport) -> str:
    return f'"{stored.id}"'


def _unknown_checkpoint(error: NotFound) -> Problem:
    return Problem(
        422,
        "invalid-input",
        f"/checkpoint: {error}",
        remedy="GET /api/v1/checkpoints lists what is available.",
        errors=[Fault("/checkpoint", str(error))],
    )
