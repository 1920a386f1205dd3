"""A request head that is too slow ends the connection; a complete one does not, until the server stops."""

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from backend.http.shutdown import DeadlineProtocol, ShutdownGuard

WHOLE = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class Hasty(DeadlineProtocol):
    head_seconds = 0.3


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await PlainTextResponse("hello")(scope, receive, send)


@contextmanager
def serving(
    protocol: type[H11Protocol], app: ASGIApp = app, log_level: str = "critical"
) -> Iterator[Callable[[], socket.socket]]:
    """Connects to a server that speaks this protocol; when it ends, it waits half a second for its requests."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=protocol, lifespan="off", log_level=log_level, log_config=None)
    config.timeout_graceful_shutdown = 0.5  # type: ignore[assignment]  # uvicorn waits for it as for any number
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield lambda: socket.create_connection(listener.getsockname(), timeout=1.5)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def hung_up(connection: socket.socket) -> bool:
    """Whether the server closes the connection without an answer within the socket's timeout."""
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False


@pytest.mark.parametrize("beginning", [b"", b"GET / HTTP/1.1\r\nHost: 127.0"])
def test_a_head_that_never_ends_is_hung_up_on(beginning: bytes) -> None:
    with serving(Hasty) as connect, connect() as connection:
        connection.sendall(beginning)
        assert hung_up(connection)


def test_a_head_that_drips_is_hung_up_on() -> None:
    with serving(Hasty) as connect, connect() as connection:
        begun = time.monotonic()
        with pytest.raises(OSError):  # reset or broken pipe, as the kernel has it
            while time.monotonic() < begun + 1.5:
                connection.sendall(b"a")
                time.sleep(0.05)


def test_without_the_deadline_they_stay_for_as_long_as_they_like() -> None:
    with serving(H11Protocol) as connect, connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0")
        assert not hung_up(connection)


def test_requests_that_come_whole_are_answered_one_after_the_other() -> None:
    with serving(Hasty) as connect, connect() as connection:
        for _ in range(3):
            connection.sendall(WHOLE)
            answer = b""
            while not answer.endswith(b"hello"):  # head and body may come apart; a missing one times out
                answer += connection.recv(10_000)
            assert answer.startswith(b"HTTP/1.1 200")
            time.sleep(0.4)  # longer than a head may take: nothing has begun that could be late
        connection.sendall(WHOLE[:20])
        assert hung_up(connection)


async def endless(scope: Scope, _receive: Receive, send: Send) -> None:
    """Begins the answer that the path names, and never ends it."""
    if scope["path"] != "/computing":
        kind = b"text/event-stream" if scope["path"] == "/events" else b"application/zip"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
    await asyncio.sleep(60)


def broken_off(app: ASGIApp, path: str, caplog: pytest.LogCaptureFixture) -> tuple[bytes, bool]:
    """What a client received of an endless answer when the server stopped, and whether the log has a traceback."""
    with caplog.at_level(logging.ERROR), serving(H11Protocol, app, "error") as connect:
        connection = connect()
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        time.sleep(0.3)
    with connection:
        got = b"".join(iter(lambda: connection.recv(10_000), b""))
    return got, any(record.exc_info for record in caplog.records)


@pytest.mark.parametrize(
    ("path", "status", "end"),
    [
        ("/computing", b"HTTP/1.1 503", b'back."}'),
        ("/events", b"HTTP/1.1 200", b"5\r\nfirst\r\n0\r\n\r\n"),
        ("/download", b"HTTP/1.1 200", b"5\r\nfirst\r\n"),  # no last chunk: the client sees that it is cut
    ],
)
def test_requests_under_way_when_the_server_ends_are_taken_leave_of_without_a_traceback(
    path: str, status: bytes, end: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    got, traceback = broken_off(ShutdownGuard(endless), path, caplog)
    assert got.startswith(status)
    assert got.endswith(end)
    assert (b"retry-after" in got) == (status == b"HTTP/1.1 503")
    assert not traceback


def test_without_a_farewell_the_log_has_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """Negative control of the test above."""
    got, traceback = broken_off(endless, "/computing", caplog)
    assert got.startswith(b"HTTP/1.1 500")
    assert traceback
