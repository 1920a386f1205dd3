"""RLDS data sets as TensorFlow Datasets keeps them in tfrecord files, read without TensorFlow: a record per episode."""

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import google_crc32c
import numpy as np

from backend.data.containers import natural
from backend.data.formats.columns import ArrayColumn, Column, ColumnReader, Roles, Stretch, choose_pictures, is_state
from backend.data.formats.hdf5_files import there
from backend.data.formats.names import RLDS
from backend.data.formats.parquet import objects_of
from backend.data.formats.protocol import Family, Look, check_length, refused
from backend.data.formats.tree import Tree, parent, read_json, under

_FEATURES = "features.json"
_MAX_RECORD = 512 * 2**20
_MASK = 0xA282EAD8
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5  # protobuf's wire types
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff")


class _Place(NamedTuple):
    name: str
    start: int
    size: int
    frames: int


def roots(tree: Tree) -> list[str]:
    """The folders that hold features.json."""
    return [parent(name) for name in tree.files if name == _FEATURES or name.endswith("/" + _FEATURES)]


def open_rlds(tree: Tree, root: str, look: Look, _format: str | None) -> ColumnReader:
    """The data set in a folder. Raises VideoError."""
    read_json(tree, f"{root}/{_FEATURES}" if root else _FEATURES)
    files = sorted((name for name in under(tree, root) if ".tfrecord" in name), key=natural)
    if not files:
        raise refused("it has no tfrecord files", "Write it as tfrecord; array_record and riegeli are not read.")
    places = [place for name in files for place in _places(tree, name)]
    if not places:
        raise refused("its tfrecord files are empty")

    def stretch(n: int) -> Stretch:
        return Stretch(_columns(_content(tree, places[n]), places[n].frames), 0, places[n].frames)

    columns = stretch(0).columns
    image = choose_pictures({name: columns[name] for name in columns if name.startswith("observation/")}, look)
    states = (name for name, column in columns.items() if name.startswith("observation/") and is_state(column))
    roles = Roles(
        image=image,
        action=there(columns, "action"),
        reward=there(columns, "reward"),
        terminal=there(columns, "is_terminal"),
        factors=tuple(states),
        terminal_led=True,
    )
    return ColumnReader(RLDS, [place.frames for place in places], stretch, roles, look)


def _places(tree: Tree, name: str) -> Iterator[_Place]:
    """The records of a file. Raises VideoError where a checksum is wrong, or the file is cut."""
    with tree.open(name) as file:
        while head := file.read(12):
            if len(head) < 12 or _masked(head[:8]) != struct.unpack("<I", head[8:])[0]:
                raise refused(f"{name[:80]!r} is damaged at byte {file.tell():,}")
            size, start = struct.unpack("<Q", head[:8])[0], file.tell()
            if size > _MAX_RECORD:
                raise refused(f"a record of {name[:80]!r} has {size:,} bytes; at most {_MAX_RECORD:,} are read")
            content = file.read(size)
            check = file.read(4)
            if len(content) < size or len(check) < 4 or _masked(content) != struct.unpack("<I", check)[0]:
                raise refused(f"{name[:80]!r} is cut or damaged at byte {start:,}")
            lengths = {len(values) for key, values in _example(content) if key.startswith("steps/is_first")}
            frames = lengths.pop() if len(lengths) == 1 else 0
            check_length(frames, f"a record of {name[:80]!r}")
            yield _Place(name, start, size, frames)


def _content(tree: Tree, place: _Place) -> bytes:
    with tree.open(place.name) as file:
        file.seek(place.start)
        return file.read(place.size)


def _columns(content: bytes, frames: int) -> dict[str, Column]:
    """The columns of an episode: numbers of so many rows, and encoded pictures."""
    columns: dict[str, Column] = {}
    for key, values in _example(content):
        name = key.removeprefix("steps/")
        if name == key or not len(values) or len(values) % frames:
            continue
        if isinstance(values, list):
            if len(values) == frames and values[0].startswith(_PICTURES):
                columns[name] = ArrayColumn(objects_of(values, name), encoded=True)
        else:
            columns[name] = ArrayColumn(values if len(values) == frames else values.reshape(frames, -1))
    return columns


def _example(content: bytes) -> Iterator[tuple[str, Any]]:
    """Name and values of each feature of a tf.train.Example: a list of bytes, or an array."""
    for _, _, features in _fields(memoryview(content)):
        for _, _, entry in _fields(features):
            parts = {field: value for field, _, value in _fields(entry)}
            if 1 not in parts or 2 not in parts:
                raise refused("a record holds a feature without name or value")
            for kind, _, values in _fields(parts[2]):
                yield bytes(parts[1]).decode("utf-8", "replace"), _values(kind, values)


def _values(kind: int, values: memoryview) -> Any:
    """bytes_list, float_list or int64_list of a tf.train.Feature."""
    if kind == 1:
        return [bytes(value) for _, _, value in _fields(values)]
    if kind == 2:
        floats = b"".join(bytes(value) for _, _, value in _fields(values))
        return np.frombuffer(floats, "<f4")
    numbers: list[int] = []
    for _, wire, value in _fields(values):
        numbers += [value] if wire == _VARINT else _varints(value)
    return np.array([number - 2**64 if number >= 2**63 else number for number in numbers], np.int64)


def _fields(message: memoryview) -> Iterator[tuple[int, int, Any]]:
    """Number, wire type and value of each field of a protobuf message. Raises VideoError."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        wire = key & 7
        if wire == _VARINT:
            value: Any
            value, place = _varint(message, place)
        else:
            size = {_EIGHT: 8, _FOUR: 4}.get(wire, 0)
            if wire == _BYTES:
                size, place = _varint(message, place)
            elif not size:
                raise refused("a record is not a tf.train.Example")
            value, place = message[place : place + size], place + size
            if len(value) < size:
                raise refused("a record is cut")
        yield key >> 3, wire, value


def _varints(values: memoryview) -> list[int]:
    numbers, place = [], 0
    while place < len(values):
        number, place = _varint(values, place)
        numbers.append(number)
    return numbers


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    number = shift = 0
    while place < len(message) and shift < 70:
        byte = message[place]
        place += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, place
        shift += 7
    raise refused("a record is cut")


def _masked(content: bytes) -> int:
    checksum = int(google_crc32c.value(content))
    return ((checksum >> 15 | checksum << 17) + _MASK) & 0xFFFFFFFF


RLDS_FOLDER = Family((RLDS,), roots, lambda: None, open_rlds)
