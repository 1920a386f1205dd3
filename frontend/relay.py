"""Passes what play.js asks on to the API, so that a step costs one short request and no rerun of the page.

The page's script cannot reach the API, whose address and token only this server knows. It may ask about one play
only, with a ticket that the page gives to signed-in sessions.
"""

import hashlib
import hmac
import json
import secrets

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from frontend.client import ApiUnreachable, client

ACTIONS = {"steps": "POST", "restart": "POST", "dataset": "POST", "film": "GET"}
MOST_BYTES = 100_000  # of a request
PASSED = ("content-type", "content-disposition", "retry-after")
_KEY = secrets.token_bytes(32)


def ticket(play: str) -> str:
    """The ticket with which a browser may ask about this play and no other."""
    return f"{play}.{hmac.new(_KEY, play.encode(), hashlib.sha256).hexdigest()}"


async def relay(request: Request) -> Response:
    """The API's answer to one of ACTIONS on the play of a ticket."""
    given, action = request.path_params["ticket"], request.path_params["action"]
    play = given.rpartition(".")[0]
    if not hmac.compare_digest(ticket(play).encode(), given.encode()):
        return _problem(404, "The page has been restarted since this play began: start a new one.")
    if ACTIONS.get(action) != request.method:
        return _problem(404, f"There is no {request.method} {action} of a play.")
    body = await request.body()
    if len(body) > MOST_BYTES:
        return _problem(413, "The request is too large for a step of a play.")
    path, query = f"/plays/{play}/{action}", dict(request.query_params)
    try:
        answer = await run_in_threadpool(client().pass_on, request.method, path, body, query)
    except ApiUnreachable:
        return _problem(503, "The API is not answering.")
    passed = {name: answer.headers[name] for name in PASSED if name in answer.headers}
    return Response(answer.content, answer.status_code, headers={**passed, "Cache-Control": "no-store"})


def routes(below: str) -> list[Route]:
    """Its routes, below the page's own path."""
    return [Route(f"{below}/play/{{ticket}}/{{action}}", relay, methods=["GET", "POST"])]


def _problem(status: int, detail: str) -> Response:
    body = json.dumps({"title": "Play", "status": status, "detail": detail})
    return Response(body, status, media_type="application/problem+json")
