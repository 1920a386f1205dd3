"""Multipart bodies go to disk in constant memory and are swept away however the request ends."""

import asyncio
import hashlib
import resource
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from backend.http.multipart import Upload, display_name, received
from backend.http.problems import Problem

BOUNDARY = "frontier"


def part(name: str, content: bytes, file_name: str | None = None) -> bytes:
    named = f'; filename="{file_name}"' if file_name is not None else ""
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + content + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


def request(pieces: Iterator[bytes], *, cut: bool = False, boundary: str = BOUNDARY) -> Request:
    """A request whose body arrives in these pieces; `cut`: the client disconnects before the end."""

    async def messages() -> AsyncIterator[dict[str, Any]]:
        for piece in pieces:
            yield {"type": "http.request", "body": piece, "more_body": True}
        yield {"type": "http.disconnect"} if cut else {"type": "http.request", "body": b"", "more_body": False}

    stream = messages()
    kind = f"multipart/form-data; boundary={boundary}".encode()
    scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"content-type", kind)]}
    return Request(scope, lambda: anext(stream))  # type: ignore[arg-type]  # anext gives an awaitable, receive a coroutine


def take(home: Path, *pieces: bytes, cut: bool = False, boundary: str = BOUNDARY) -> tuple[Upload, list[bytes]]:
    async def run() -> tuple[Upload, list[bytes]]:
        async with received(request(iter(pieces), cut=cut, boundary=boundary), home / "form") as upload:
            return upload, [file.path.read_bytes() for file in upload.files]

    return asyncio.run(run())


def left(home: Path) -> list[Path]:
    return list(home.rglob("*"))


def test_fields_and_files_arrive_and_nothing_is_left_afterwards(tmp_path: Path) -> None:
    body = part("name", "vidéo".encode()) + part("files", b"\x00\r\n--x", "a.mp4") + part("files", b"", "b.mp4") + END
    upload, contents = take(tmp_path, *(body[i : i + 7] for i in range(0, len(body), 7)))
    assert upload.fields == {"name": "vidéo"}
    assert [(file.name, file.size) for file in upload.files] == [("a.mp4", 6), ("b.mp4", 0)]
    assert upload.files[0].sha256 == hashlib.sha256(contents[0]).hexdigest()
    assert contents == [b"\x00\r\n--x", b""]
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    "body",
    [
        part("files", b"abc", "a.mp4"),
        b"no form at all",
        b"",
        part("files", b"abc", "a.mp4")[:-5],
        b"--frontier\r\nX: y\r\n\r\nabc\r\n" + END,
        part("name", b"\xff") + END,
        part("name", b"a\x00b") + END,
        part("name", b"x" * 70_000) + END,
        b"--frontier\r\nX: " + b"y" * 20_000 + b"\r\n\r\n" + END,
        b"".join(part(f"f{i}", b"") for i in range(40)) + END,
    ],
)
def test_a_body_that_is_no_whole_form_is_422_and_leaves_nothing(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(Problem) as caught:
        take(tmp_path, body)
    assert caught.value.status == 422
    assert caught.value.remedy
    assert left(tmp_path) == []


def test_a_file_name_of_any_script_arrives_and_one_that_is_no_utf8_does_not_break(tmp_path: Path) -> None:
    named = part("files", b"a", "\U000ccc29走る.mp4") + b'--frontier\r\nContent-Disposition: form-data; name="f"; '
    upload, _ = take(tmp_path, named + b'filename="\xff\xfe.mp4"\r\n\r\nb\r\n' + END)
    assert [file.name for file in upload.files] == ["走る.mp4", "mp4"]


@pytest.mark.parametrize("boundary", ["", "x" * 300])
def test_a_body_without_a_boundary_is_422(tmp_path: Path, boundary: str) -> None:
    with pytest.raises(Problem) as caught:
        take(tmp_path, END, boundary=boundary)
    assert caught.value.status == 422


def test_a_field_that_stands_twice_is_400(tmp_path: Path) -> None:
    with pytest.raises(Problem) as caught:
        take(tmp_path, part("name", b"a") + part("name", b"b") + END)
    assert caught.value.status == 400


def test_what_a_client_that_leaves_half_way_sent_is_swept(tmp_path: Path) -> None:
    with pytest.raises(Problem):
        take(tmp_path, part("files", b"x" * 3_000_000, "a.mp4"), cut=True)
    assert left(tmp_path) == []


def test_memory_does_not_grow_with_the_upload(tmp_path: Path) -> None:
    chunk = b"v" * 65_536
    pieces = [part("files", b"", "big.mp4")[:-2], *[chunk] * 3_200, b"\r\n" + END]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    async def run() -> int:
        async with received(request(iter(pieces)), tmp_path / "form") as upload:
            return upload.files[0].size

    assert asyncio.run(run()) == 3_200 * 65_536
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before <= 64 * 1024


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\videos\\walk.mp4", "walk.mp4"),
        ("a\x00b\n.mp4", "ab.mp4"),
        ("..", "unnamed"),
        ("", "unnamed"),
        ("x" * 500, "x" * 120),
    ],
)
def test_a_file_name_is_only_text_to_show(given: str, shown: str) -> None:
    assert display_name(given) == shown
