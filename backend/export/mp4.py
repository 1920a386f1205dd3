"""Moves an MP4's index in front of its pictures, so that players can start early; reads its comment."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

_HOLDERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")  # boxes that contain boxes, on the way to the offsets
_TO_COMMENT = (b"moov", b"udta", b"meta", b"ilst", b"\xa9cmt", b"data")
_BEFORE = {b"meta": 4, b"data": 8}  # bytes before the content of these
_OFFSETS = {b"stco": ">I", b"co64": ">Q"}


class _Box(NamedTuple):
    kind: bytes
    start: int
    body: int
    end: int


def index_in_front(content: bytes) -> bytes:
    """The same film with `moov` before `mdat` and adjusted offsets; unchanged if it already has this order."""
    boxes = list(_boxes(content, 0, len(content)))
    index = next(box for box in boxes if box.kind == b"moov")
    pictures = next(box for box in boxes if box.kind == b"mdat")
    if index.start < pictures.start:
        return content
    moov = bytearray(content[index.start : index.end])
    _shift(moov, len(moov))
    rest = content[pictures.start : index.start] + content[index.end :]
    return content[: pictures.start] + bytes(moov) + rest


def comment_of(content: bytes) -> bytes | None:
    """The metadata of the film; None if it has none, or is not a film."""
    start, end = 0, len(content)
    for kind in _TO_COMMENT:
        box = next((box for box in _boxes(content, start, end) if box.kind == kind), None)
        if box is None:
            return None
        start, end = box.body + _BEFORE.get(kind, 0), box.end
    return content[start:end]


def _boxes(content: bytes | bytearray, start: int, end: int) -> Iterator[_Box]:
    """The boxes in a byte range; stops at a box that is shorter than its own header."""
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", content, start)
        body = start + 8
        if size == 1 and start + 16 <= end:
            (size,) = struct.unpack_from(">Q", content, body)
            body += 8
        stop = start + size if size else end
        if stop < body:
            return
        yield _Box(kind, start, body, min(stop, end))
        start = stop


def _shift(moov: bytearray, by: int) -> None:
    """Adds an offset to every file position in the index."""
    waiting = list(_boxes(moov, 0, len(moov)))
    while waiting:
        box = waiting.pop()
        if box.kind in _HOLDERS:
            waiting += _boxes(moov, box.body, box.end)
        elif box.kind in _OFFSETS:
            form = _OFFSETS[box.kind]
            (count,) = struct.unpack_from(">I", moov, box.body + 4)
            for number in range(count):
                place = box.body + 8 + number * struct.calcsize(form)
                struct.pack_into(form, moov, place, struct.unpack_from(form, moov, place)[0] + by)
