"""The index of an MP4 moved in front of its pictures, so that players start before they have the whole file."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

_HOLDERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")  # boxes that hold boxes, on the way to the offsets
_OFFSETS = {b"stco": ">I", b"co64": ">Q"}


class _Box(NamedTuple):
    kind: bytes
    start: int
    body: int
    end: int


def index_in_front(content: bytes) -> bytes:
    """The same film with `moov` before `mdat`, its offsets moved accordingly; one that is so already is unchanged."""
    boxes = list(_boxes(content, 0, len(content)))
    index = next(box for box in boxes if box.kind == b"moov")
    pictures = next(box for box in boxes if box.kind == b"mdat")
    if index.start < pictures.start:
        return content
    moov = bytearray(content[index.start : index.end])
    _shift(moov, len(moov))
    rest = content[pictures.start : index.start] + content[index.end :]
    return content[: pictures.start] + bytes(moov) + rest


def _boxes(content: bytes | bytearray, start: int, end: int) -> Iterator[_Box]:
    while start < end:
        size, kind = struct.unpack_from(">I4s", content, start)
        body = start + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", content, body)
            body += 8
        yield _Box(kind, start, body, start + (size or end - start))
        start += size or end - start


def _shift(moov: bytearray, by: int) -> None:
    """Adds to every place in the file that the index names."""
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
