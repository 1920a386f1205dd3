"""Parquet files: rows of some columns as arrays, only those that are requested."""

import io
from collections.abc import Sequence
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from backend.data.formats.columns import ArrayColumn
from backend.data.formats.protocol import check_rows, refused

_MAX_GROUP_ROWS = 1_000_000
_MAX_GROUP_BYTES = 512 * 2**20


class Table:
    """An open Parquet file."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._name = name
        try:
            self._file = pq.ParquetFile(file)
        except (pa.ArrowException, OSError) as error:
            raise refused(f"{name[:80]!r} is not a readable Parquet file ({str(error)[:200]})") from error
        self.rows: int = self._file.metadata.num_rows
        self.names: tuple[str, ...] = tuple(self._file.schema_arrow.names)
        check_rows(self.rows, repr(name[:80]))

    def read(self, names: Sequence[str], start: int = 0, end: int | None = None) -> dict[str, pa.ChunkedArray]:
        """Rows `start` to before `end` of columns. Raises VideoError where one is missing."""
        end = self.rows if end is None else end
        missing = [name for name in names if name not in self.names]
        if missing:
            raise refused(f"{self._name[:80]!r} has no column `{missing[0]}`")
        if not 0 <= start <= end <= self.rows:
            raise refused(f"{self._name[:80]!r} has {self.rows:,} rows; rows {start:,} to {end:,} are asked for")
        groups, first = self._groups(start, end)
        table = self._file.read_row_groups(groups, columns=list(names), use_threads=False)
        cut = table.slice(start - first, end - start)
        return {name: cut[name] for name in names}

    def _groups(self, start: int, end: int) -> tuple[list[int], int]:
        """The row groups that hold rows, and the number of the first row in them. Raises VideoError."""
        groups: list[int] = []
        place, first = 0, 0
        for index in range(self._file.metadata.num_row_groups):
            group = self._file.metadata.row_group(index)
            if place < end and place + group.num_rows > start:
                if group.num_rows > _MAX_GROUP_ROWS or group.total_byte_size > _MAX_GROUP_BYTES:
                    size = f"{group.num_rows:,} rows, {group.total_byte_size:,} bytes"
                    raise refused(
                        f"a row group of {self._name[:80]!r} has {size}",
                        f"Write it again with groups of at most {_MAX_GROUP_ROWS:,} rows.",
                    )
                if not groups:
                    first = place
                groups.append(index)
            place += group.num_rows
        return groups, first


def column_of(values: pa.ChunkedArray, name: str) -> ArrayColumn | None:
    """Numbers, one or a list per row, as a column; encoded pictures too. None for text and the like.

    Raises VideoError where rows are missing or differ in their lengths.
    """
    if values.null_count:
        raise refused(f"`{name}` has rows without a value")
    kind = values.type
    if pa.types.is_struct(kind):
        return _pictures(values, name)
    array = values.combine_chunks()
    rows = len(array)
    while pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        array = array.flatten()
        kind = array.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        return None
    flat: NDArray[Any] = array.to_numpy(zero_copy_only=False)
    if array.null_count or flat.dtype.kind not in "fiub" or (rows and len(flat) % rows):
        raise refused(f"`{name}` has rows without a value, or of differing lengths")
    return ArrayColumn(flat.reshape(rows, -1) if len(flat) != rows else flat)


def objects_of(contents: Sequence[Any], name: str) -> NDArray[Any]:
    """Encoded pictures as an array of their bytes. Raises VideoError where one is missing."""
    if any(not isinstance(content, bytes) for content in contents):
        raise refused(f"`{name}` has pictures that lie outside of the file")
    array = np.empty(len(contents), object)
    array[:] = contents
    return array


def rehearse() -> None:
    """Read a small file, so that nothing is left that is loaded on first use."""
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    buffer = io.BytesIO()
    lists = pa.array([[1.0], [2.0]], pa.list_(pa.float32(), 1))
    pq.write_table(pa.table({"a": [1, 2], "b": ["x", "y"], "c": lists}), buffer, compression="snappy")
    for name, values in Table(io.BytesIO(buffer.getvalue()), "rehearsal").read(["a", "b", "c"]).items():
        column_of(values, name)


def _pictures(values: pa.ChunkedArray, name: str) -> ArrayColumn | None:
    fields = [values.type.field(index).name for index in range(values.type.num_fields)]
    if "bytes" not in fields:
        return None
    return ArrayColumn(objects_of([value["bytes"] for value in values.to_pylist()], name), encoded=True)
