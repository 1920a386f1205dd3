"""HDF5 files, opened so that nothing outside of them is read and nothing is believed that they do not hold."""

import contextlib
import io
from collections.abc import Iterator
from typing import IO, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from backend.data.formats.columns import Column, Columns
from backend.data.formats.protocol import check_rows, refused

SUFFIXES = (".h5", ".hdf5", ".hdf", ".he5")
MAGIC = b"\x89HDF\r\n\x1a\n"
_RATIO, _SPARE = 1_100, 2**20  # gzip cannot compress further
_MAX_ROW_BYTES = 64 * 2**20
_MAX_CHUNK_BYTES = 256 * 2**20
_MOST_NAMES = 200_000


class HdfColumn:
    """A data set of an HDF5 file as a column. Raises VideoError if it is not a plain one."""

    def __init__(self, dataset: h5py.Dataset) -> None:
        self._dataset = dataset
        self.shape: tuple[int, ...] = tuple(dataset.shape or ())
        self.dtype: np.dtype[Any] = dataset.dtype
        _check(dataset)
        bytes_of = h5py.check_vlen_dtype(dataset.dtype)
        # A picture per row: bytes of any length, or of one length where all happen to have the same.
        self.encoded = bytes_of == np.uint8 or (
            dataset.dtype == np.uint8 and len(self.shape) == 2 and _is_jpeg(dataset)
        )

    def rows(self, start: int, end: int) -> Any:
        """Rows as an array, of encoded pictures the bytes of each."""
        rows: NDArray[Any] = self._dataset[start:end]
        return [np.asarray(row, np.uint8).tobytes() for row in rows] if self.encoded else rows


@contextlib.contextmanager
def damage_told(what: str) -> Iterator[None]:
    """What the library says about damage as a refusal."""
    try:
        yield
    except (OSError, KeyError, RuntimeError, TypeError, AttributeError, IndexError) as error:
        raise refused(f"{what} cannot be read ({str(error)[:200]})") from error


def open_file(file: IO[bytes]) -> h5py.File:
    """An open HDF5 file. Raises VideoError."""
    with damage_told("the HDF5 file"):
        return h5py.File(file, "r")


def columns_of(group: h5py.Group, prefix: str = "") -> Columns:
    """The data sets below a group by their path; those that hold neither numbers nor bytes are left out.

    Raises VideoError for links to other files.
    """
    found: dict[str, Column] = {}
    with damage_told(f"the group {group.name!r}"):
        _collect(group, prefix, found)
    return found


def child(group: h5py.Group, name: str) -> Any:
    """The item of a group under a name. Raises VideoError for a link to another file."""
    if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
        raise refused(f"{name[:80]!r} is a link to another file", "Copy it into the file: h5repack, or h5py's copy.")
    return group[name]


def rehearse() -> None:
    """Read a small file of each kind, so that nothing is left that is loaded on first use."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_dataset("plain", data=np.zeros((4, 8, 8, 3), np.uint8), compression="gzip", chunks=True)
        file.create_dataset("bytes", (1,), h5py.vlen_dtype(np.uint8))[0] = np.zeros(3, np.uint8)
        file.create_dataset("light", data=np.zeros(100), compression="lzf", shuffle=True, fletcher32=True)
        file["group/text"] = "text"
    with h5py.File(buffer, "r") as file:
        for column in columns_of(file).values():
            column.rows(0, 1)
        child(file["group"], "text")[()]


def _collect(group: h5py.Group, prefix: str, found: dict[str, Column], depth: int = 0) -> None:
    if depth > 8:
        raise refused("its groups stand in each other more than 8 deep")
    for name in group:
        item = child(group, name)
        path = f"{prefix}{name}"
        if isinstance(item, h5py.Group):
            _collect(item, f"{path}/", found, depth + 1)
        elif isinstance(item, h5py.Dataset) and item.shape and _is_numeric(item):
            found[path] = HdfColumn(item)
        if len(found) > _MOST_NAMES:
            raise refused(f"it has more than {_MOST_NAMES:,} arrays")


def _is_numeric(dataset: h5py.Dataset) -> bool:
    return dataset.dtype.kind in "fiub" or h5py.check_vlen_dtype(dataset.dtype) == np.uint8


def _check(dataset: h5py.Dataset) -> None:
    """Raises VideoError unless the data lie in this file, and are as many as it says."""
    name = str(dataset.name)[:80]
    if dataset.external is not None or dataset.is_virtual:
        raise refused(f"{name!r} lies in another file", "Copy the data into the file.")
    check_rows(dataset.shape[0], f"{name!r}")
    stored = min(dataset.id.get_storage_size(), dataset.file.id.get_filesize())
    if dataset.nbytes > _RATIO * stored + _SPARE:
        raise refused(f"{name!r} claims {dataset.nbytes:,} bytes in {dataset.shape[0]:,} rows, but holds {stored:,}")
    if dataset.nbytes > _MAX_ROW_BYTES * dataset.shape[0]:
        raise refused(f"a row of {name!r} has {dataset.nbytes // dataset.shape[0]:,} bytes; that is too large")
    chunk = int(np.prod(dataset.chunks or (0,), dtype=np.float64)) * dataset.dtype.itemsize
    if chunk > _MAX_CHUNK_BYTES:
        raise refused(f"the chunks of {name!r} have {chunk:,} bytes; at most {_MAX_CHUNK_BYTES:,} are read")


def _is_jpeg(dataset: h5py.Dataset) -> bool:
    return dataset.shape[0] > 0 and dataset.shape[1] > 100 and bytes(dataset[0, :3]) == b"\xff\xd8\xff"
