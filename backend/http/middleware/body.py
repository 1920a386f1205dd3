"""How much a request may send, of what type and how slowly; JSON bodies are read completely and checked."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.http import strict_json
from backend.http.middleware.base import HttpMiddleware
from backend.http.problems import Fault, Problem
from backend.settings import Settings

SAFE_METHODS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True)
class BodyRules:
    """The rules for a request's body; made once from the settings."""

    body_limit: int
    upload_limit: int
    uploads: Mapping[str, frozenset[str]] = field(default_factory=dict)  # path -> content types accepted there
    idle_seconds: float = 30.0  # longest wait for the next piece of a body
    body_seconds: float = 60.0  # longest time for a whole JSON body
    slowest_upload: float = 16 * 1024.0  # minimum bytes per second of an upload, after the first `idle_seconds`

    @classmethod
    def of(cls, settings: Settings, uploads: Mapping[str, frozenset[str]]) -> "BodyRules":
        """The rules for one process."""
        return cls(settings.body_limit, settings.upload_limit, dict(uploads))


class BodyGuard(HttpMiddleware):
    """ASGI middleware: refuses bodies that are too large, too slow or of the wrong type."""

    def __init__(self, app: ASGIApp, rules: BodyRules) -> None:
        super().__init__(app)
        self.rules = rules

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            receive = await self._guard_body(scope, Headers(scope=scope), receive)
        except Problem as problem:
            await problem.response()(scope, receive, send)
            return
        await self.app(scope, receive, send)

    async def _guard_body(self, scope: Scope, headers: Headers, receive: Receive) -> Receive:
        """A `receive` that passes on no more than is allowed; JSON is read completely here and checked."""
        if scope["method"] in SAFE_METHODS:
            return receive
        if "content-encoding" in headers:
            raise _wrong_type("a compressed body", "an uncompressed one")
        taken = self.rules.uploads.get(scope["path"]) if scope["method"] == "POST" else None
        limit = self.rules.body_limit if taken is None else self.rules.upload_limit
        declared = headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > limit:
            raise too_large(limit)
        if taken is not None:
            check_type(headers, taken)
            return _counted(receive, limit, self.rules)
        try:
            body = await asyncio.wait_for(_read_all(receive, limit), self.rules.body_seconds)
        except TimeoutError as error:
            raise _too_slow() from error
        if body:
            check_type(headers, frozenset({"application/json"}))
            strict_json.parse(body)
        return _replay(body, receive)


def too_large(limit: int) -> Problem:
    """413 with the limit."""
    return Problem(
        413,
        "body-too-large",
        f"The body is larger than the limit of {limit:,} bytes.",
        remedy="Send less, or raise DISWM_UPLOAD_LIMIT (uploads) or DISWM_BODY_LIMIT (all else).",
        extra={"limit": limit},
    )


def check_type(headers: Headers, taken: frozenset[str]) -> None:
    """415 unless the content type is accepted (and, for text, UTF-8)."""
    given = headers.get("content-type", "")
    kind, *parameters = (part.strip().lower() for part in given.split(";"))
    charset = next((item[8:].strip('"') for item in parameters if item.startswith("charset=")), "utf-8")
    if kind not in taken or charset not in ("utf-8", "utf8", "us-ascii"):
        raise _wrong_type(f"Content-Type {given[:80]!r}" if given else "no Content-Type", " or ".join(sorted(taken)))


def _wrong_type(given: str, wanted: str) -> Problem:
    return Problem(
        415,
        "unsupported-media-type",
        f"The request has {given}; this path takes {wanted}.",
        remedy=f"Send {wanted}.",
        errors=[Fault("header:Content-Type", f"must be {wanted}")],
    )


def _too_slow() -> Problem:
    return Problem(
        408,
        "body-too-slow",
        "The body did not arrive in time.",
        remedy="Send the request again over a faster connection.",
    )


async def _read_all(receive: Receive, limit: int) -> bytes:
    """The body as one piece; 413 as soon as it is longer than `limit`."""
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem(400, "client-gone", "The client went away.", remedy="Send the request again.")
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit:
            raise too_large(limit)
        pieces.append(piece)
        if not message.get("more_body", False):
            return b"".join(pieces)


def _counted(receive: Receive, limit: int, rules: BodyRules) -> Receive:
    """`receive` that raises 413 past `limit` bytes and 408 if a body stalls, or arrives too slowly."""
    size = 0
    whole = False
    waited = 0.0  # only waiting for the client: the time for processing pieces does not count

    async def counted() -> Message:
        nonlocal size, whole, waited
        if whole:
            return await receive()
        left = rules.idle_seconds + size / rules.slowest_upload - waited
        began = time.monotonic()
        try:
            message = await asyncio.wait_for(receive(), min(rules.idle_seconds, left))
        except TimeoutError as error:
            raise _too_slow() from error
        waited += time.monotonic() - began
        size += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        if size > limit:
            raise too_large(limit)
        return message

    return counted


def _replay(body: bytes, receive: Receive) -> Receive:
    """`receive` that returns a body already read, then waits for the client to disconnect."""
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
