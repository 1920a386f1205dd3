"""Traversals of a frame and the atlas that the page scrubs through, as JSON or as a file."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from backend.api.checkpoints import Found
from backend.api.deps import Serving
from backend.api.openapi import files, refusals
from backend.http.responses import send
from backend.interpret.base import find_frames
from backend.views.formats import MEDIA_TYPES, choose_format
from backend.views.jobs import plan_traversal
from backend.views.params import ATLAS_FORMATS, TRAVERSAL_FORMATS, AtlasFileQuery, TraversalFileQuery, cells_of
from backend.views.serializers import draw_atlas

router = APIRouter(tags=["traversals"])


@router.get(
    "/checkpoints/{checkpoint}/traversal",
    responses={**files(*(MEDIA_TYPES[name] for name in TRAVERSAL_FORMATS)), **refusals(406, 409)},
    response_class=Response,
)
async def get_traversal(
    info: Found, request: Request, serving: Serving, query: Annotated[TraversalFileQuery, Query()]
) -> Response:
    """Edit one latent at a time and keep everything else: a row a dimension, a column a value."""
    format = choose_format(query.format, request.headers.get("accept"), TRAVERSAL_FORMATS)
    plan = plan_traversal(info, serving.library, query, format)
    return send(request, await serving.workshop.answer(plan.key, plan.cost, plan.make))


@router.get(
    "/checkpoints/{checkpoint}/atlas",
    responses={**files(*(MEDIA_TYPES[name] for name in ATLAS_FORMATS)), **refusals(406, 409)},
    response_class=Response,
)
async def get_atlas(
    info: Found, request: Request, serving: Serving, query: Annotated[AtlasFileQuery, Query()]
) -> Response:
    """Every dimension at every value as one picture and its index, for scrubbing without another request."""
    format = choose_format(query.format, request.headers.get("accept"), ATLAS_FORMATS)
    view = query.request(info)
    key = ("atlas", serving.library.version(info), repr(view), format)
    library = serving.library
    answer = await serving.workshop.answer(
        key, cells_of(view, info), lambda: draw_atlas(library.load(info), view, format, find_frames(library.home, view))
    )
    return send(request, answer)
