"""A reverse proxy that gives each request to the next of several servers."""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

OF_ONE_HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade"}


class Proxy(ThreadingHTTPServer):
    """Where a server does not accept connections, the next one gets the request; one that was sent is not repeated."""

    daemon_threads = True

    def __init__(self, ports: Sequence[int]) -> None:
        super().__init__(("127.0.0.1", 0), Passing)
        self.ports, self.answered = ports, Counter[int]()
        self._turns = count()

    @property
    def address(self) -> str:
        """Where clients ask."""
        return f"http://127.0.0.1:{self.server_port}"

    def connect(self) -> HTTPConnection:
        """A connection to the server whose turn it is."""
        turn = next(self._turns)
        for offset in range(len(self.ports)):
            connection = HTTPConnection("127.0.0.1", self.ports[(turn + offset) % len(self.ports)], timeout=120)
            try:
                connection.connect()
            except OSError:
                continue
            return connection
        raise OSError("no server accepts connections")


class Passing(BaseHTTPRequestHandler):
    """Passes one request on, and the answer back as it comes."""

    server: Proxy
    protocol_version = "HTTP/1.0"  # the end of an answer is the end of the connection

    def pass_on(self) -> None:
        """Whatever the method."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in OF_ONE_HOP}
        upstream = self.server.connect()
        try:
            upstream.request(self.command, self.path, body or None, headers)
            answer = upstream.getresponse()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in OF_ONE_HOP:
                    self.send_header(name, value)
            self.send_header("X-Served-By", str(upstream.port))
            self.end_headers()
            while piece := answer.read1(65536):
                self.wfile.write(piece)
            self.server.answered[upstream.port] += 1
        finally:
            upstream.close()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = pass_on

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def proxy(ports: Sequence[int]) -> Iterator[Proxy]:
    """A running proxy in front of these ports of this machine."""
    with Proxy(ports) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        try:
            yield running
        finally:
            running.shutdown()
            thread.join()
