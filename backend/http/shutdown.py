"""Closes idle connections, and answers 503 to open requests when the server shuts down."""

import asyncio
import contextlib
import time

import h11
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from backend.http.problems import Problem


class DeadlineProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 with a deadline for the head of a request; that of bodies is in `BodyGuard`."""

    head_seconds = 30.0  # from the connection, or from the first byte of a further request, to the end of its headers
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Start the clock."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Start the clock with the first byte of a head, stop it with the last."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._stop()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self.head_seconds, self._hang_up)

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _hang_up(self) -> None:
        if self.conn.their_state is h11.IDLE:
            self.transport.close()


class ShutdownGuard:
    """ASGI middleware, outermost: a request that a shutdown interrupts is answered 503; a stream of events ends.

    Any other answer that has begun stays visibly unfinished. Without this, each is a traceback in the log.
    """

    patience_s = 2.0  # for requests that were broken off to clear up, before the application ends

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection, or the server's lifespan messages."""
        if scope["type"] != "http":
            await self.app(scope, self._after_the_last(receive), send)
            return
        self._under_way += 1
        try:
            await self._answer(scope, receive, send)
        finally:
            self._under_way -= 1

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun: Headers | None = None

        async def noted(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = Headers(raw=message.get("headers", []))
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except asyncio.CancelledError:
            with contextlib.suppress(h11.LocalProtocolError, RuntimeError):  # its last byte was already sent
                if begun is None:
                    await _ending().response()(scope, receive, send)
                elif begun.get("content-type", "").startswith("text/event-stream"):
                    await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _after_the_last(self, receive: Receive) -> Receive:
        """`receive` that passes the shutdown on once no request is in progress."""

        async def waiting() -> Message:
            message = await receive()
            deadline = time.monotonic() + self.patience_s
            while message["type"] == "lifespan.shutdown" and self._under_way and time.monotonic() < deadline:
                await asyncio.sleep(0.02)
            return message

        return waiting


def _ending() -> Problem:
    return Problem(
        503,
        "ending",
        "The API is shutting down: this request was not finished.",
        remedy="Send it again when the API is back.",
        headers={"Retry-After": "5", "Connection": "close"},
    )
