"""Data sets: collected by runs, or uploaded as clips, episodes and frames."""

import hashlib
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Query, Request, Response

from backend.api.deps import Serving, whole_number
from backend.api.openapi import files, multipart, refusals
from backend.api.pagination import Cursor, Limit, page
from backend.api.schemas import DatasetList, DatasetView
from backend.api.uploads import say_made, take_in
from backend.data.catalogue import find_dataset as find_in_catalogue
from backend.data.catalogue import list_datasets as list_in_catalogue
from backend.data.episodes import DatasetInfo, read_dataset_info, read_nth_episode
from backend.data.video import import_clips
from backend.http.multipart import Upload, display_name, only_fields
from backend.http.responses import Answer, send
from backend.views.formats import MEDIA_TYPES, choose_format
from backend.views.images import contact_sheet, encode

FORMATS = ("png", "webp", "jpeg")
SHEET_EPISODES, SHEET_FRAMES = 6, 12

router = APIRouter(tags=["datasets"])


def find_dataset(dataset: str, serving: Serving) -> DatasetInfo:
    """The data set named in the path; 404 where there is none."""
    return find_in_catalogue(serving.home, dataset)


Found = Annotated[DatasetInfo, Depends(find_dataset)]
Format = Annotated[str | None, Query(max_length=20, json_schema_extra={"enum": list(FORMATS)})]


@router.get("/datasets")
def list_datasets(serving: Serving, limit: Limit = 100, cursor: Cursor = None) -> DatasetList:
    """Data sets, newest first."""
    shown, following = page(list_in_catalogue(serving.home), limit, cursor, lambda info: info.id)
    return DatasetList(items=[view_dataset(info) for info in shown], next_cursor=following)


@router.post(
    "/datasets",
    status_code=201,
    responses={200: {"model": DatasetView, "description": "These files are here already."}},
    openapi_extra=multipart("files", many=True),
)
async def upload_dataset(request: Request, serving: Serving, response: Response) -> DatasetView:
    """Films (mp4, webm, avi, gif), npz episodes, a tar.xz of them or a zip of frames, decoded in a limited process."""
    info, known = await take_in(request, serving.home, serving.intake, partial(_take_in, serving.home))
    say_made(response, f"/api/v1/datasets/{info.id}", known=known)
    return view_dataset(info)


@router.get("/datasets/{dataset}")
def get_dataset(info: Found) -> DatasetView:
    """One data set."""
    return view_dataset(info)


@router.get(
    "/datasets/{dataset}/frames/{n}",
    responses={**files("image/png", "image/webp", "image/jpeg", description="The frame."), **refusals(406, 409)},
    response_class=Response,
)
async def get_frame(info: Found, n: str, request: Request, serving: Serving, format: Format = None) -> Response:
    """Frame n, counted over all episodes from 0."""
    chosen = choose_format(format, request.headers.get("accept"), FORMATS)
    number = whole_number(n, "path:n", 0, info.frames - 1)
    ends = np.cumsum(info.lengths)
    episode = int(np.searchsorted(ends, number, side="right"))
    step = number - int(ends[episode]) + info.lengths[episode]

    def make() -> Answer:
        frame = read_nth_episode(info.folder, episode).image[step]
        return Answer(encode(frame, chosen), MEDIA_TYPES[chosen])

    return send(request, await serving.workshop.answer(("dataset", *_identity(info), number, chosen), 1, make))


@router.get(
    "/datasets/{dataset}/strip",
    responses={**files("image/webp", "image/png", "image/jpeg", description="The sheet."), **refusals(406, 409)},
    response_class=Response,
)
async def get_strip(info: Found, request: Request, serving: Serving, format: Format = None) -> Response:
    """A contact sheet: a row an episode, from its start to its end."""
    chosen = choose_format(format, request.headers.get("accept"), ("webp", "png", "jpeg"))

    def make() -> Answer:
        episodes = _spread(info.episodes, SHEET_EPISODES)
        rows = [read_nth_episode(info.folder, int(n)).image for n in episodes]
        sheet = contact_sheet([image[_spread(len(image), SHEET_FRAMES)] for image in rows])
        return Answer(encode(sheet, chosen), MEDIA_TYPES[chosen])

    return send(request, await serving.workshop.answer(("strip", *_identity(info), chosen), 50, make))


def _take_in(home: Path, upload: Upload) -> tuple[DatasetInfo, bool]:
    """The data set of an upload, and whether it was here already: its id comes from the bytes of the files."""
    only_fields(upload, {"name", "stride"})
    stride = whole_number(upload.fields.get("stride", "1"), "/stride", 1, 100)
    digest = hashlib.sha256("\n".join([*(file.sha256 for file in upload.files), str(stride)]).encode())
    target = home / "datasets" / f"clips-{digest.hexdigest()[:16]}"
    name = display_name(upload.fields.get("name", "")) if upload.fields.get("name", "").strip() else ""
    files = [(file.name, file.path) for file in upload.files]
    try:
        if not target.exists():
            return import_clips(files, target, name or upload.files[0].name if files else name, stride=stride), False
    except FileExistsError:
        pass  # somebody sent the same files meanwhile
    return read_dataset_info(target), True


def view_dataset(info: DatasetInfo) -> DatasetView:
    """The data set as the API shows it; its folder stays here."""
    values = asdict(info)
    del values["folder"]
    return DatasetView(**{name: list(value) if isinstance(value, tuple) else value for name, value in values.items()})


def _identity(info: DatasetInfo) -> tuple[object, ...]:
    return (info.folder, info.created_at, info.frames)


def _spread(count: int, most: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """At most `most` indices, evenly from first to last."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))
