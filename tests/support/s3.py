"""A small S3 service in this process: conditional puts, reads, lists and deletes, which can be cut off or spoiled.

Where `TEST_S3_ENDPOINT` names another service, the tests that need no fault use that one.
"""

import os
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pytest

KEYS = {"AWS_ACCESS_KEY_ID": "test-key", "AWS_SECRET_ACCESS_KEY": "test-secret-key", "AWS_REGION": "us-east-1"}


@dataclass
class Service:
    """What the service holds, and what it was asked."""

    address: str
    objects: dict[str, bytes] = field(default_factory=dict)  # by bucket/key
    requests: list[tuple[str, str]] = field(default_factory=list)
    away: bool = False  # every connection is cut without an answer
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which a client finds it."""
        return {**KEYS, "AWS_ENDPOINT_URL": self.address}


@contextmanager
def service() -> Iterator[Service]:
    """The service, in threads of this process."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    held = Service(f"http://127.0.0.1:{server.server_port}")
    server.service = held  # type: ignore[attr-defined]  # its handlers find it there
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield held
    server.shutdown()
    server.server_close()


@contextmanager
def bucket(patch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an empty store in a bucket of the service of this machine, or of one in this process."""
    elsewhere = os.environ.get("TEST_S3_ENDPOINT")
    with service() as here:
        environment = {**here.environment, **({"AWS_ENDPOINT_URL": elsewhere} if elsewhere else {})}
        for name, value in environment.items():
            patch.setenv(name, value)
        yield f"s3://diswm-test/{uuid.uuid4().hex}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    @property
    def held(self) -> Service:
        held = self.server.service  # type: ignore[attr-defined]
        assert isinstance(held, Service)
        return held

    def do_PUT(self) -> None:
        content = self._content()
        with self.held.lock:
            there = self._key in self.held.objects
            if there and self.headers.get("if-none-match") == "*":
                return self._answer(412, _error("PreconditionFailed"))
            self.held.objects[self._key] = content
        return self._answer(200, b"", etag=True)

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if "list-type" in query:
            return self._list(query.get("prefix", [""])[0])
        content = self.held.objects.get(self._key)
        return self._answer(404, _error("NoSuchKey")) if content is None else self._answer(200, content, etag=True)

    def do_POST(self) -> None:
        name = self._key.partition("/")[0]
        keys = [
            str(found.text) for found in ElementTree.fromstring(self._content()).iter() if found.tag.endswith("Key")
        ]
        for key in keys:
            self.held.objects.pop(f"{name}/{key}", None)
        done = "".join(f"<Deleted><Key>{escape(key)}</Key></Deleted>" for key in keys)
        self._answer(200, f"<DeleteResult>{done}</DeleteResult>".encode())

    def handle_one_request(self) -> None:
        if self.held.away:
            self.close_connection = True
            return
        super().handle_one_request()

    def log_message(self, *_: object) -> None:
        self.held.requests.append((self.command, self.path))

    @property
    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).lstrip("/")

    def _content(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def _list(self, prefix: str) -> None:
        name = self._key.rstrip("/")
        found = sorted(key.partition("/")[2] for key in self.held.objects if key.startswith(f"{name}/{prefix}"))
        entries = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f'<ETag>"e"</ETag><Size>{len(self.held.objects[f"{name}/{key}"])}</Size></Contents>'
            for key in found
        )
        self._answer(200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>".encode())

    def _answer(self, status: int, body: bytes, *, etag: bool = False) -> None:
        if self.held.away:
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.send_header("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        if etag:
            self.send_header("etag", '"e"')
        self.end_headers()
        self.wfile.write(body)


def _error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code></Error>".encode()
