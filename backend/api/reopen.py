"""Reads which view an exported file shows, when it is dropped on the page."""

import json
import zipfile
from functools import partial

from fastapi import APIRouter, Request

from backend.api.deps import Serving
from backend.api.openapi import multipart
from backend.api.schemas import OpenedView
from backend.api.uploads import take_in
from backend.data.archive import UNREADABLE_ZIP, ArchiveError, read_headers
from backend.data.catalogue import NotFound
from backend.data.curves import RETURNS
from backend.export.reopen import NoSettings, read_settings
from backend.http import strict_json
from backend.http.multipart import Upload, UploadedFile, one_file
from backend.http.problems import Problem, invalid, short
from backend.interpret.play import KIND as PLAY
from backend.views.catalogue import KINDS
from backend.views.checkpoint_cache import CheckpointCache

MAX_BYTES = 64 * 2**20  # of the file, and of everything packed inside it

router = APIRouter(tags=["traversals"])


@router.post("/views", openapi_extra=multipart("file", many=False))
async def open_view(request: Request, serving: Serving) -> OpenedView:
    """Reads the settings that every exported file contains, whatever its kind."""
    return await take_in(request, serving.home, serving.intake, partial(_open, serving.checkpoints))


def _open(checkpoints: CheckpointCache, upload: Upload) -> OpenedView:
    file = one_file(upload)
    _refuse_bombs(file)
    try:
        settings = read_settings(file.path.read_bytes())
        if settings["diswm"] not in (*KINDS, RETURNS, PLAY):
            raise NoSettings(f"the file shows a {short(settings['diswm'])}, which this version does not know")
        view = strict_json.parse(json.dumps(settings["view"]).encode())
    except (NoSettings, RecursionError, Problem) as error:
        raise invalid("/file", str(error), remedy="Open a file that was downloaded from here.") from error
    checkpoint = str(settings.get("checkpoint", ""))[:200]
    found = "" if settings["diswm"] == RETURNS else _id_of(checkpoints, checkpoint)
    return OpenedView(kind=settings["diswm"], checkpoint=checkpoint, found=found, view=view)


def _id_of(checkpoints: CheckpointCache, reference: str) -> str | None:
    try:
        return checkpoints.find(reference).id
    except NotFound:
        return None


def _refuse_bombs(file: UploadedFile) -> None:
    """Refuses what would take more memory than a figure: large files, and archives of large ones."""
    size = file.size
    if zipfile.is_zipfile(file.path):
        try:
            with zipfile.ZipFile(file.path) as archive:
                size = max(size, sum(entry.file_size for entry in archive.infolist()))
                arrays = all(name.endswith(".npy") for name in archive.namelist())
            if arrays:
                read_headers(file.path)
        except (*UNREADABLE_ZIP, ArchiveError) as error:
            raise invalid("/file", f"{file.name} is damaged: {error}", remedy="Download it again.") from error
    if size > MAX_BYTES:
        raise invalid("/file", f"{file.name} holds more than {MAX_BYTES >> 20} MiB", remedy="Open the figure itself.")
