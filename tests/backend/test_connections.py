"""A head that does not come in time ends the connection; one that comes, and what follows it, does not."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from backend.connections import PromptProtocol

WHOLE = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class Hasty(PromptProtocol):
    head_seconds = 0.3


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await PlainTextResponse("hello")(scope, receive, send)


@contextmanager
def serving(protocol: type[H11Protocol]) -> Iterator[Callable[[], socket.socket]]:
    """Connects to a server that speaks this protocol."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, http=protocol, lifespan="off", log_level="critical"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield lambda: socket.create_connection(listener.getsockname(), timeout=1.5)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def hung_up(connection: socket.socket) -> bool:
    """Whether the server ends the connection within the socket's patience, without a word."""
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
