"""Replay buffers in zarr, as diffusion_policy writes them: arrays in `data`, the ends of episodes in `meta`."""

import logging
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numcodecs.blosc
import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.core.buffer import Buffer, default_buffer_prototype
from zarr.storage import MemoryStore

from backend.data.formats.columns import Column, ColumnReader, Roles, Stretch, choose_pictures
from backend.data.formats.hdf5_files import check_borders, states_of, there
from backend.data.formats.names import ZARR
from backend.data.formats.protocol import Family, Look, check_episodes, check_rows, refused
from backend.data.formats.tree import Tree, join, read_bytes, under

_ENDS = "meta/episode_ends"
_METADATA = (".zarray", "zarr.json")
_MAX_CHUNK_BYTES = 256 * 2**20


class _Files(Mapping[str, Buffer]):
    """The files of a tree as zarr's stores have them."""

    def __init__(self, tree: Tree, root: str) -> None:
        self._tree, self._root = tree, root
        self._names = {name[len(root) + 1 :] if root else name: name for name in under(tree, root)}

    def __getitem__(self, key: str) -> Buffer:
        content = read_bytes(self._tree, self._names[key], _MAX_CHUNK_BYTES)
        return default_buffer_prototype().buffer.from_bytes(content)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class ZarrColumn:
    """An array of a zarr group as a column."""

    encoded = False

    def __init__(self, array: "zarr.Array[Any]", files: int) -> None:
        """`files` are those that hold its chunks. Raises VideoError where they are too few for what it claims."""
        self._array = array
        self.shape: tuple[int, ...] = tuple(array.shape)
        self.dtype: np.dtype[Any] = np.dtype(array.dtype)
        name = array.name or "an array"
        check_rows(self.shape[0], repr(name))
        held = (array.shards or array.chunks)[0] * files
        if self.shape[0] > held:
            raise refused(f"{name!r} claims {self.shape[0]:,} rows, but its files hold {held:,} at most")
        size = int(np.prod(array.chunks, dtype=np.float64)) * self.dtype.itemsize
        if size > _MAX_CHUNK_BYTES:
            raise refused(f"the chunks of {name!r} have {size:,} bytes; at most {_MAX_CHUNK_BYTES:,} are read")

    def rows(self, start: int, end: int) -> NDArray[Any]:
        """Rows of the array."""
        return np.asarray(self._array[start:end])


def roots(tree: Tree) -> list[str]:
    """The folders that hold meta/episode_ends."""
    marks = [f"{_ENDS}/{name}" for name in _METADATA]
    found = [name[: -len(mark)].rstrip("/") for name in tree.files for mark in marks if f"/{name}".endswith(f"/{mark}")]
    return sorted(set(found)) or _without_ends(tree)


def open_zarr(tree: Tree, root: str, look: Look, _format: str | None) -> ColumnReader:
    """The replay buffer in a folder. Raises VideoError."""
    _quiet()
    group = zarr.open_group(MemoryStore(_Files(tree, root), read_only=True), mode="r")  # type: ignore[arg-type]  # only read
    columns: dict[str, Column] = {}
    for part in ("data", "meta"):
        if part not in group:
            raise refused(f"it has no group `{part}`", "Give a replay buffer with `data` and `meta/episode_ends`.")
        for name, array in sorted(group[part].arrays(), key=lambda pair: pair[0]):  # type: ignore[union-attr]  # a group, as `arrays` of an array fails
            if array.shape and np.dtype(array.dtype).kind in "fiub":
                columns[f"{part}/{name}"] = ZarrColumn(array, _chunk_files(tree, join(root, f"{part}/{name}")))
    if _ENDS not in columns:
        raise refused(f"`{_ENDS}` is missing, which says where episodes end")
    return _reader(columns, look)


def _reader(columns: dict[str, Column], look: Look) -> ColumnReader:
    ends = columns.pop(_ENDS)
    check_episodes(ends.shape[0], f"`{_ENDS}`")
    edges = [0, *(int(end) for end in np.asarray(ends.rows(0, ends.shape[0])).reshape(-1))]
    data = {name.removeprefix("data/"): column for name, column in columns.items() if name.startswith("data/")}
    image = choose_pictures(data, look)
    rows = data[image].shape[0]
    starts = edges[:-1]
    lengths = [end - start for start, end in pairwise(edges)]
    check_borders(starts, lengths, rows)
    look.said.warn("no frame counts as terminal: a replay buffer does not tell the end of a task from a cut")
    if "reward" not in data:
        look.said.note("it has no rewards: they are 0")
    roles = Roles(
        image=image,
        action=there(data, "action"),
        reward=there(data, "reward"),
        factors=states_of(data, rows, {image, "action", "reward"}),
    )
    return ColumnReader(ZARR, lengths, lambda n: Stretch(data, starts[n], lengths[n]), roles, look)


def _chunk_files(tree: Tree, folder: str) -> int:
    return sum(not name.endswith((*_METADATA, ".zattrs", ".zgroup")) for name in under(tree, folder))


def _without_ends(tree: Tree) -> list[str]:
    """A zarr group without the ends of episodes, so that this can be said."""
    groups = [name for name in tree.files if name.endswith(".zgroup")]
    return [min(groups, key=len).removesuffix(".zgroup").rstrip("/")] if groups else []


def _rehearse() -> None:
    """Read a small buffer, so that nothing is left that is loaded on first use, and no further thread is needed."""
    _quiet()
    for version in (2, 3):
        store = MemoryStore()
        group = zarr.open_group(store, mode="w", zarr_format=version)
        array = group.require_group("data").create_array("img", shape=(8, 4), chunks=(2, 4), dtype="uint8")
        array[:] = 1
        read: Any = zarr.open_group(store, mode="r")["data"]
        for _, found in read.arrays():
            np.asarray(found[1:5])
    for name in ("blosc", "zstd", "zlib", "lz4", "gzip", "bz2", "lzma"):
        codec = numcodecs.get_codec({"id": name})
        codec.decode(codec.encode(np.zeros(100, np.uint8)))


def _quiet() -> None:
    numcodecs.blosc.set_nthreads(1)
    zarr.config.set({"threading.max_workers": 1})
    logging.getLogger("zarr").setLevel(logging.ERROR)


ZARR_BUFFERS = Family((ZARR,), roots, _rehearse, open_zarr)
