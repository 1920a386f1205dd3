"""The doors of the API: who may ask (Host, Origin, token), how much, in what form; and the headers of every answer."""

import asyncio
import hashlib
import hmac
import ipaddress
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend import strict_json
from backend.errors import Fault, Problem
from backend.settings import Settings

SAFE_METHODS = frozenset({"GET", "HEAD"})
OPEN_PATHS = frozenset({"/healthz"})
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
DOCS_POLICY = (
    "default-src 'none'; connect-src 'self'; img-src data: https://fastapi.tiangolo.com; "
    "style-src https://cdn.jsdelivr.net; script-src 'unsafe-inline' https://cdn.jsdelivr.net; "
    "frame-ancestors 'none'"
)


@dataclass(frozen=True)
class DoorRules:
    """What the doors check; made once from the settings."""

    token_digest: bytes | None
    allowed_hosts: frozenset[str]
    allowed_origins: frozenset[str]
    body_limit: int
    upload_limit: int
    uploads: Mapping[str, frozenset[str]] = field(default_factory=dict)  # path -> content types taken there
    idle_seconds: float = 30.0  # longest wait for the next piece of a body
    body_seconds: float = 60.0  # longest time for a whole JSON body
    slowest_upload: float = 16 * 1024.0  # bytes a second that an upload must keep up, after the first `idle_seconds`

    @classmethod
    def of(cls, settings: Settings, uploads: Mapping[str, frozenset[str]]) -> "DoorRules":
        """The rules for one process; reads the token."""
        token = settings.read_token()
        return cls(
            token_digest=hashlib.sha256(token.encode()).digest() if token is not None else None,
            allowed_hosts=frozenset(host.lower() for host in [*settings.allowed_hosts, settings.host]),
            allowed_origins=frozenset(origin.lower().rstrip("/") for origin in settings.allowed_origins),
            body_limit=settings.body_limit,
            upload_limit=settings.upload_limit,
            uploads=dict(uploads),
        )


class Doors:
    """ASGI middleware: refuses at the door what must not come in, and hands JSON bodies on whole and checked."""

    def __init__(self, app: ASGIApp, rules: DoorRules) -> None:
        self.app = app
        self.rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        send = _with_security_headers(send, scope["path"])
        try:
            self._check_host(headers)
            self._check_origin(scope, headers)
            self._check_token(scope["path"], headers)
            receive = await self._guard_body(scope, headers, receive)
        except Problem as problem:
            await problem.response()(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _check_host(self, headers: Headers) -> None:
        """A name that a stranger made point at this machine is refused; a bare address cannot be such a name."""
        host = _host_name(headers.get("host", ""))
        if host in self.rules.allowed_hosts or _is_address(host):
            return
        raise Problem(
            403,
            "host-refused",
            f"This API does not answer under the name {host[:80]!r}.",
            remedy="Use 127.0.0.1, or add the name to DISWM_ALLOWED_HOSTS and start the API again.",
            errors=[Fault("header:Host", "not an allowed name")],
        )

    def _check_origin(self, scope: Scope, headers: Headers) -> None:
        """A page of another origin may change nothing."""
        if scope["method"] in SAFE_METHODS:
            return
        origin = headers.get("origin")
        own = f"{scope['scheme']}://{headers.get('host', '')}".lower()
        if origin is not None:
            foreign = origin.lower() not in {own, *self.rules.allowed_origins}
        else:
            foreign = headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
        if foreign:
            raise Problem(
                403,
                "origin-refused",
                "A page of another origin may not change anything here.",
                remedy="Add its origin to DISWM_ALLOWED_ORIGINS if you trust it.",
                errors=[Fault("header:Origin", "not an allowed origin")],
            )

    def _check_token(self, path: str, headers: Headers) -> None:
        """The token in `Authorization: Bearer`, compared in constant time."""
        if self.rules.token_digest is None or path in OPEN_PATHS:
            return
        scheme, _, given = headers.get("authorization", "").partition(" ")
        digest = hashlib.sha256(given.strip().encode("latin-1", "replace")).digest()
        if not hmac.compare_digest(digest, self.rules.token_digest) or scheme.lower() != "bearer":
            raise Problem(
                401,
                "token-required",
                "This API needs its token.",
                remedy="Send Authorization: Bearer with the value of DISWM_TOKEN.",
                errors=[Fault("header:Authorization", "missing or wrong")],
                headers={"WWW-Authenticate": "Bearer"},
            )

    async def _guard_body(self, scope: Scope, headers: Headers, receive: Receive) -> Receive:
        """A receive that hands on no more than may come in; JSON is read here, whole, and checked."""
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
    """415 unless the content type is one of those taken (and, for text, UTF-8)."""
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


def _counted(receive: Receive, limit: int, rules: DoorRules) -> Receive:
    """`receive` that raises 413 past `limit` bytes and 408 where a body stalls, or drips so that it never ends."""
    size = 0
    whole = False
    waited = 0.0  # for the client alone: what we do with the pieces does not count

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
    """`receive` that hands out a body already read, then waits for the client to go."""
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _with_security_headers(send: Send, path: str) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
            if path == "/docs":
                headers["Content-Security-Policy"] = DOCS_POLICY
        await send(message)

    return with_headers


def _host_name(host: str) -> str:
    """ "LocalHost:8000" -> "localhost"; "[::1]:8000" -> "::1"; "" where it is no host."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
