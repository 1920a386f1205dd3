"""Pictures of data sets: one frame, a contact sheet, an episode with its numbers."""

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Query, Request, Response

from backend.api.deps import Serving, whole_number
from backend.api.openapi import files, refusals
from backend.data.catalogue import find_dataset as find_in_catalogue
from backend.data.clips import spread
from backend.data.episodes import DatasetInfo, read_nth_episode
from backend.http.responses import Answer, send
from backend.interpret.fields import Whole
from backend.interpret.request import check_index
from backend.views.episodes import MOST_FRAMES, episode_json
from backend.views.formats import MEDIA_TYPES, choose_format
from backend.views.images import contact_sheet, encode
from backend.views.serializers import json_answer

FORMATS = ("png", "webp", "jpeg")
SHEET_EPISODES, SHEET_FRAMES = 6, 12

router = APIRouter(tags=["datasets"])


def find_dataset(dataset: str, serving: Serving) -> DatasetInfo:
    """The data set named in the path; 404 if there is none."""
    return find_in_catalogue(serving.home, dataset)


Found = Annotated[DatasetInfo, Depends(find_dataset)]
Format = Annotated[str | None, Query(max_length=20, json_schema_extra={"enum": list(FORMATS)})]


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

    return send(request, await serving.executor.answer(("dataset", *_identity(info), number, chosen), 1, make))


@router.get(
    "/datasets/{dataset}/strip",
    responses={**files("image/webp", "image/png", "image/jpeg", description="The sheet."), **refusals(406, 409)},
    response_class=Response,
)
async def get_strip(info: Found, request: Request, serving: Serving, format: Format = None) -> Response:
    """A contact sheet: one row per episode, from its start to its end."""
    chosen = choose_format(format, request.headers.get("accept"), ("webp", "png", "jpeg"))

    def make() -> Answer:
        episodes = spread(info.episodes, SHEET_EPISODES)
        rows = [read_nth_episode(info.folder, int(n)).image for n in episodes]
        sheet = contact_sheet([image[spread(len(image), SHEET_FRAMES)] for image in rows])
        return Answer(encode(sheet, chosen), MEDIA_TYPES[chosen])

    return send(request, await serving.executor.answer(("strip", *_identity(info), chosen), 50, make))


@router.get(
    "/datasets/{dataset}/episodes/{n}",
    responses={**files("application/json", description="The episode."), **refusals(409)},
    response_class=Response,
)
async def get_episode(
    info: Found,
    n: str,
    request: Request,
    serving: Serving,
    start: Annotated[Whole, Query(ge=0, le=2**31, description="The first frame; 200 come in one answer.")] = 0,
) -> Response:
    """Frames of an episode in step with its reward, actions and factors."""
    number = whole_number(n, "path:n", 0, info.episodes - 1)
    check_index("start", start, info.lengths[number], "frame")

    def make() -> Answer:
        return json_answer(episode_json(info, number, start))

    key = ("episode", *_identity(info), number, start)
    return send(request, await serving.executor.answer(key, MOST_FRAMES, make))


def _identity(info: DatasetInfo) -> tuple[object, ...]:
    return (info.folder, info.created_at, info.frames)
