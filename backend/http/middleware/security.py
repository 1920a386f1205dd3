"""Who may ask (Host, Origin, token), and the security headers of every answer."""

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.http.middleware.base import HttpMiddleware
from backend.http.middleware.body import SAFE_METHODS
from backend.http.problems import Fault, Problem
from backend.settings import Settings

OPEN_PATHS = frozenset({"/healthz"})
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_PAGE_POLICY = (
    "default-src 'none'; connect-src 'self'; img-src 'self' data:; script-src 'self'; "
    "style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE_POLICIES = {"/docs": _PAGE_POLICY, "/redoc": f"{_PAGE_POLICY}; worker-src blob:"}
"""Both pages use inline styles; Redoc searches in a worker."""


@dataclass(frozen=True)
class SecurityRules:
    """The rules for a request's headers; made once from the settings."""

    token_digest: bytes | None
    allowed_hosts: frozenset[str]
    allowed_origins: frozenset[str]

    @classmethod
    def of(cls, settings: Settings) -> "SecurityRules":
        """The rules for one process; reads the token."""
        token = settings.read_token()
        return cls(
            token_digest=hashlib.sha256(token.encode()).digest() if token is not None else None,
            allowed_hosts=frozenset(host.lower() for host in [*settings.allowed_hosts, settings.host]),
            allowed_origins=frozenset(origin.lower().rstrip("/") for origin in settings.allowed_origins),
        )


class Security(HttpMiddleware):
    """ASGI middleware: refuses requests from hosts, origins or clients that may not ask."""

    def __init__(self, app: ASGIApp, rules: SecurityRules) -> None:
        super().__init__(app)
        self.rules = rules

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = Headers(scope=scope)
        send = _with_security_headers(send, scope["path"])
        try:
            self._check_host(headers)
            self._check_origin(scope, headers)
            self._check_token(scope["path"], headers)
        except Problem as problem:
            await problem.response()(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _check_host(self, headers: Headers) -> None:
        """Refuses names that an attacker made point at this machine (DNS rebinding); bare addresses are safe."""
        host = _host_name(headers.get("host", ""))
        if host in self.rules.allowed_hosts or _is_address(host):
            return
        raise Problem(
            403,
            "host-refused",
            f"This API does not accept the host name {host[:80]!r}.",
            remedy="Use 127.0.0.1, or add the name to DISWM_ALLOWED_HOSTS and start the API again.",
            errors=[Fault("header:Host", "not an allowed name")],
        )

    def _check_origin(self, scope: Scope, headers: Headers) -> None:
        """A page of another origin must not change anything.

        Browsers tell where a request comes from (Sec-Fetch-Site, which no page can set), whatever a proxy
        made of Host and scheme; where they do not, Origin must be the address under which we are reached.
        """
        if scope["method"] in SAFE_METHODS:
            return
        origin = headers.get("origin", "").lower()
        site = headers.get("sec-fetch-site")
        if site == "same-origin" or origin in self.rules.allowed_origins:
            return
        foreign = origin != self._own_origin(scope, headers) if origin else site not in (None, "none")
        if foreign:
            raise Problem(
                403,
                "origin-refused",
                "Pages of other origins may not change anything here.",
                remedy=(
                    "Behind a proxy that ends TLS, let it pass on Host and set X-Forwarded-Proto; "
                    "else add the page's origin to DISWM_ALLOWED_ORIGINS if you trust it."
                ),
                errors=[Fault("header:Origin", "not an allowed origin")],
            )

    def _own_origin(self, scope: Scope, headers: Headers) -> str:
        """Scheme, name and port under which the client reaches us, as told by a proxy in front, if there is one.

        A page of another origin cannot set these headers: its browser would ask first with a preflight, and be refused.
        """
        scheme = _first(headers.get("x-forwarded-proto")) or scope["scheme"]
        host = headers.get("host", "")
        forwarded = _first(headers.get("x-forwarded-host"))
        if _host_name(forwarded) in self.rules.allowed_hosts:
            host = forwarded
        default = {"http": ":80", "https": ":443"}.get(scheme.lower(), "")
        return f"{scheme}://{host.removesuffix(default) if default else host}".lower()

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


def _with_security_headers(send: Send, path: str) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
            if path in PAGE_POLICIES:
                headers["Content-Security-Policy"] = PAGE_POLICIES[path]
        await send(message)

    return with_headers


def _first(value: str | None) -> str:
    """The value written by the outermost of several proxies."""
    return (value or "").partition(",")[0].strip()


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
