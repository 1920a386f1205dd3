"""Every kind of view as a route: `GET /checkpoints/{id}/<path>` as JSON or as a file, and the schema of its fields."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache, partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from backend.api.checkpoints import Found
from backend.api.computing import computed_first
from backend.api.deps import Serving
from backend.api.openapi import files, refusals
from backend.http.problems import not_found
from backend.http.responses import send
from backend.views.catalogue import KINDS, Kind
from backend.views.formats import MEDIA_TYPES, choose_format
from backend.views.jobs import carry_out, refuse_unable, view_job
from backend.views.kinds import builder_of
from backend.views.params import of_query, query_model, view_schema

router = APIRouter(tags=["views"])


@router.get("/schemas/views/{kind}", responses=refusals(404))
def get_view_schema(kind: str) -> dict[str, Any]:
    """JSON schema of a view's fields, with its formats (`x-formats`), style (`x-style`) and command (`x-command`)."""
    if kind not in KINDS:
        raise not_found("kind", kind, known=KINDS)
    return view_schema(KINDS[kind])


@cache
def _route(kind: Kind) -> Callable[..., Awaitable[Response]]:
    """The function that answers requests for one kind of view."""
    builder = builder_of(kind)
    offered = ("json", *kind.formats)
    ViewQuery: Any = query_model(kind.request, offered, waits=bool(builder.first))

    async def get_view(
        info: Found, request: Request, serving: Serving, query: Annotated[ViewQuery, Query()]
    ) -> Response:
        asked = of_query(kind.request, query)
        format = choose_format(asked.format, request.headers.get("accept"), offered)
        refuse_unable(kind, info)
        await computed_first(builder.first, info, serving, wait=getattr(query, "wait", False))
        plan = partial(view_job, kind, info, serving.checkpoints, asked, format)
        job = await asyncio.to_thread(plan) if builder.looks else plan()
        return send(request, await carry_out(job, serving.executor, serving.long_jobs))

    return get_view


def routes() -> APIRouter:
    """A route for every kind."""
    made = APIRouter(tags=["views"])
    for kind in KINDS.values():
        made.add_api_route(
            f"/checkpoints/{{checkpoint}}/{kind.path}",
            _route(kind),
            name=f"get_{kind.name}",
            summary=f"Get {kind.name}",
            description=kind.request.__doc__,
            responses={**files(*(MEDIA_TYPES[name] for name in ("json", *kind.formats))), **refusals(406, 409)},
            response_class=Response,
        )
    return made
