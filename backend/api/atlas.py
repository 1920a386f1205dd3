"""The atlas that the page scrubs through, as JSON or as a picture."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from backend.api.checkpoints import Found
from backend.api.deps import Serving
from backend.api.openapi import files, refusals
from backend.http.responses import send
from backend.interpret.traversal_request import AtlasRequest
from backend.views.formats import MEDIA_TYPES, choose_format
from backend.views.page_jobs import atlas_job
from backend.views.params import of_query, query_model

FORMATS = ("json", "jpeg", "webp", "png")
AtlasQuery: Any = query_model(AtlasRequest, FORMATS, styled=False)

router = APIRouter(tags=["traversals"])


@router.get(
    "/checkpoints/{checkpoint}/atlas",
    responses={**files(*(MEDIA_TYPES[name] for name in FORMATS)), **refusals(406, 409)},
    response_class=Response,
)
async def get_atlas(info: Found, request: Request, serving: Serving, query: Annotated[AtlasQuery, Query()]) -> Response:
    """Every dimension at every value as one picture and its index, for scrubbing without another request."""
    asked = of_query(AtlasRequest, query)
    format = choose_format(asked.format, request.headers.get("accept"), FORMATS)
    job = atlas_job(info, serving.checkpoints, asked.request, format)
    return send(request, await serving.executor.answer(job.key, job.cost, job.make))
