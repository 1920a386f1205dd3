"""Uploads streamed to disk: multipart bodies of any size in constant memory, deleted when the request ends."""

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from backend.http.problems import Problem, disk_full, invalid, nearest, short

PIECE_BYTES = 1 << 20
MAX_FILES = 4_096
SPARE_BYTES = 64 * 2**20
MAX_FIELDS = 32
MAX_FIELD_BYTES = 64 * 1024
MAX_HEADER_BYTES = 16 * 1024
_REMEDY = "Send multipart/form-data as browsers and `curl -F` do."


@dataclass(frozen=True)
class UploadedFile:
    """One file on disk; the client's name for it is only ever used as text to show."""

    path: Path
    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Upload:
    """The content of a multipart body."""

    fields: dict[str, str]
    files: tuple[UploadedFile, ...]


@asynccontextmanager
async def received(request: Request, folder: Path) -> AsyncIterator[Upload]:
    """The upload of a request, in `folder` until the block ends, for whatever reason; its parent must exist.

    Raises Problem: 413 (from `BodyGuard`) past the limit, 422 where the body is no form, 400 where the client left.
    """
    reader = _FormReader(folder, _boundary(request))
    _refuse_without_room(request, folder.parent)
    await asyncio.to_thread(folder.mkdir)
    try:
        await _feed(request, reader)
        yield reader.finish()
    finally:
        reader.close()
        await asyncio.shield(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))


def _refuse_without_room(request: Request, parent: Path) -> None:
    """507 before the first byte if the disk cannot hold the body."""
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) + SPARE_BYTES > shutil.disk_usage(parent).free:
        raise disk_full()


async def _feed(request: Request, reader: "_FormReader") -> None:
    """Passes the body to the reader in pieces of about a megabyte, parsed and written off the event loop."""
    piece = bytearray()
    try:
        async for chunk in request.stream():
            piece += chunk
            if len(piece) >= PIECE_BYTES:
                await asyncio.to_thread(reader.write, bytes(piece))
                piece.clear()
    except ClientDisconnect as error:
        raise Problem(400, "client-gone", "The client went away.", remedy="Send the request again.") from error
    await asyncio.to_thread(reader.write, bytes(piece))


def _boundary(request: Request) -> bytes:
    _, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= 200:
        raise invalid("header:Content-Type", "the multipart body has no boundary", remedy=_REMEDY)
    return bytes(boundary)


@dataclass
class _Part:
    """A part while it is being read: its headers, then its bytes in memory (a field) or in a file."""

    headers: dict[str, str] = field(default_factory=dict)
    header_name: bytearray = field(default_factory=bytearray)
    header_value: bytearray = field(default_factory=bytearray)
    header_bytes: int = 0
    name: str = ""
    file_name: str | None = None
    value: bytearray = field(default_factory=bytearray)
    path: Path | None = None
    file: BinaryIO | None = None
    size: int = 0
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)


class _FormReader:
    """Parses a multipart body piece by piece; files go to numbered paths in `folder`."""

    def __init__(self, folder: Path, boundary: bytes) -> None:
        self.folder = folder
        self.fields: dict[str, str] = {}
        self.files: list[UploadedFile] = []
        self._part = _Part()
        self._whole = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_end": self._finished,
            },
        )

    def write(self, piece: bytes) -> None:
        """Reads one more piece of the body."""
        try:
            self._parser.write(piece)
        except MultipartParseError as error:
            raise invalid("/", f"the body is not a multipart form: {error}", remedy=_REMEDY) from error

    def finish(self) -> Upload:
        """The complete upload; a truncated body is refused."""
        self.close()
        if not self._whole:
            raise invalid("/", "the multipart body was cut before its end", remedy="Send it again, whole.")
        return Upload(self.fields, tuple(self.files))

    def close(self) -> None:
        """Closes the file of a truncated part."""
        if self._part.file is not None:
            self._part.file.close()

    def _begin(self) -> None:
        self._part = _Part()

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._part.header_name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._part.header_value += data[start:end]

    def _count_header(self, size: int) -> None:
        self._part.header_bytes += size
        if self._part.header_bytes > MAX_HEADER_BYTES:
            raise invalid("/", "a part of the form has headers that are too long", remedy=_REMEDY)

    def _header_end(self) -> None:
        part = self._part
        part.headers[part.header_name.decode("latin-1").lower()] = part.header_value.decode("latin-1")
        part.header_name.clear()
        part.header_value.clear()

    def _headers_finished(self) -> None:
        part = self._part
        _, options = parse_options_header(part.headers.get("content-disposition", ""))
        part.name = options.get(b"name", b"").decode("utf-8", "replace")
        if not part.name:
            raise invalid("/", "a part of the form has no name", remedy=_REMEDY)
        file_name = options.get(b"filename")
        part.file_name = None if file_name is None else file_name.decode("utf-8", "replace")
        if part.file_name is None:
            if len(self.fields) >= MAX_FIELDS:
                raise invalid("/", f"the form has more than {MAX_FIELDS} fields", remedy="Send fewer.")
            return
        if len(self.files) >= MAX_FILES:
            raise invalid("/", f"the form has more than {MAX_FILES} files", remedy="Send fewer, or a zip of them.")
        part.path = self.folder / f"{len(self.files):06d}"
        part.file = part.path.open("wb")

    def _data(self, data: bytes, start: int, end: int) -> None:
        part = self._part
        part.size += end - start
        if part.file is not None:
            view = memoryview(data)[start:end]
            part.digest.update(view)
            part.file.write(view)
        elif part.size > MAX_FIELD_BYTES:
            raise invalid(f"/{part.name}", f"is longer than {MAX_FIELD_BYTES} bytes", remedy="Send a shorter value.")
        else:
            part.value += data[start:end]

    def _end(self) -> None:
        part = self._part
        if part.file is None or part.path is None or part.file_name is None:
            self._take_field(part)
            return
        part.file.close()
        self.files.append(UploadedFile(part.path, display_name(part.file_name), part.size, part.digest.hexdigest()))
        self._part = _Part()

    def _take_field(self, part: _Part) -> None:
        pointer = f"/{part.name}"
        if part.name in self.fields:
            raise Problem(400, "duplicate-key", f"The field {short(part.name)} appears twice.", remedy="Keep one.")
        try:
            text = part.value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise invalid(pointer, "is not UTF-8", remedy="Send UTF-8 text.") from error
        if "\0" in text:
            raise invalid(pointer, "holds a NUL character", remedy="Take the NUL out.")
        self.fields[part.name] = text

    def _finished(self) -> None:
        self._whole = True


def display_name(name: str) -> str:
    """A client's file name as text to show: its last part, printable characters only, at most 120 of them."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in last if c.isprintable() and c != "\ufffd")[:120].strip(". ") or "unnamed"


def one_file(upload: Upload) -> UploadedFile:
    """The only file of an upload; raises Problem 422 if there are none or several."""
    if len(upload.files) != 1:
        raise invalid(
            "/file", f"one file is taken, got {len(upload.files)}", remedy="Send one file, as `-F file=@x.zip`."
        )
    return upload.files[0]


def only_fields(upload: Upload, known: set[str]) -> None:
    """Raises Problem 422 for a field of the form that is not one of these."""
    for name in upload.fields:
        if name not in known:
            detail = f"there is no field {short(name)}; there is {', '.join(sorted(known))}"
            raise invalid(f"/{name[:80]}", detail, remedy="Take it out.", suggestion=nearest(name, known))
