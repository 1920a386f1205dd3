"""Minari data sets in Arrow files, a folder for each episode."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from backend.data.containers import natural
from backend.data.formats import parquet
from backend.data.formats.columns import ArrayColumn, Column, ColumnReader, Stretch
from backend.data.formats.hdf5_files import minari_roles
from backend.data.formats.names import MINARI
from backend.data.formats.parquet import column_of
from backend.data.formats.protocol import Family, Look, check_length, refused
from backend.data.formats.tree import Tree, join, parent, read_json, under

_MAX_BYTES = 2**30  # of the Arrow files of one episode
_MARK = "metadata.json"


def roots(tree: Tree) -> list[str]:
    """The folders that hold folders of Arrow files with their metadata."""
    episodes = {parent(name) for name in tree.files if name.endswith(".arrow")}
    return sorted({parent(folder) for folder in episodes if join(folder, _MARK) in tree.files})


def open_arrow(tree: Tree, root: str, look: Look, _format: str | None) -> ColumnReader:
    """The data set in a folder. Raises VideoError."""
    found: dict[str, list[str]] = {}
    for name in under(tree, root):
        if name.endswith(".arrow") and parent(parent(name)) == root:
            found.setdefault(parent(name), []).append(name)
    folders = sorted(found, key=natural)
    lengths = [_frames(tree, folder) for folder in folders]

    def stretch(n: int) -> Stretch:
        columns = _columns(tree, sorted(found[folders[n]], key=natural), lengths[n])
        return Stretch(columns, 0, lengths[n])

    return ColumnReader(MINARI, lengths, stretch, minari_roles(stretch(0).columns, lengths[0], look), look)


def _frames(tree: Tree, folder: str) -> int:
    steps = read_json(tree, join(folder, _MARK)).get("total_steps")
    if not isinstance(steps, int):
        raise refused(f"{join(folder, _MARK)[:80]!r} has no total_steps")
    check_length(steps + 1, repr(folder[:80]))
    return steps + 1


def _columns(tree: Tree, names: list[str], frames: int) -> dict[str, Column]:
    """The columns of an episode; what belongs to steps has one row less than the frames."""
    size = sum(tree.files[name] for name in names)
    if size > _MAX_BYTES:
        raise refused(f"an episode has {size:,} bytes; at most {_MAX_BYTES:,} are read")
    tables = []
    for name in names:
        with tree.open(name) as file:
            tables.append(_table(file, name))
    table = pa.concat_tables(tables)
    table.validate(full=True)  # Arrow trusts offsets in a file unless it is asked to check them
    if table.num_rows != frames:
        raise refused(f"an episode has {table.num_rows:,} rows; its metadata says {frames:,}")
    columns: dict[str, Column] = {}
    for name in table.column_names:
        steps = name not in ("observations", "infos")
        _collect(columns, name, table[name].slice(0, frames - 1) if steps else table[name])
    return columns


def _table(file: Any, name: str) -> pa.Table:
    try:
        return pa.ipc.open_file(file).read_all()
    except pa.ArrowInvalid:
        file.seek(0)
    try:
        return pa.ipc.open_stream(file).read_all()
    except pa.ArrowException as error:
        raise refused(f"{name[:80]!r} is not a readable Arrow file ({str(error)[:200]})") from error


def _collect(columns: dict[str, Column], name: str, values: pa.ChunkedArray) -> None:
    kind = values.type
    if pa.types.is_struct(kind):
        for index in range(kind.num_fields):
            part = kind.field(index).name
            _collect(columns, f"{name}/{part}", pc.struct_field(values, part))
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        columns[name] = ArrayColumn(parquet.objects_of(values.to_pylist(), name), encoded=True)
    else:
        column = column_of(values, name)
        if column is not None:
            columns[name] = column


def _rehearse() -> None:
    parquet.rehearse()
    sink = pa.BufferOutputStream()
    table = pa.table({"a": [{"b": 1}], "c": [b"x"]})
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    columns: dict[str, Column] = {}
    for name, values in zip("ac", _table(pa.BufferReader(sink.getvalue()), "rehearsal").columns, strict=True):
        _collect(columns, name, values)


MINARI_ARROW = Family((MINARI,), roots, _rehearse, open_arrow)
