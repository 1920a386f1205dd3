"""Reads `.npz` archives from untrusted sources: no pickles, and no more memory than the file's bytes justify."""

import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

UNREADABLE_ZIP = (zipfile.BadZipFile, EOFError, NotImplementedError)
"""What zipfile raises for a zip that is damaged, cut short, or of a later version than it knows."""
MAX_BYTES = 4 * 2**30  # of one episode, uncompressed: about 350,000 frames

Header = tuple[tuple[int, ...], np.dtype[np.generic]]  # shape and type of one array


class ArchiveError(ValueError):
    """A file is not an archive of plain arrays, or is larger than it may be."""


class HoldsObjects(ArchiveError):
    """An array contains Python objects."""


Source = Path | IO[bytes]


def read_headers(source: Source, wanted: Collection[str] | None = None) -> dict[str, Header]:
    """Shape and type of each array (of the `wanted` ones), without reading the arrays. Raises ArchiveError, OSError.

    If some are wanted, the others may contain Python objects.
    """
    headers = {}
    for name, header in _headers(source).items():
        if wanted is not None and name not in wanted:
            continue
        if isinstance(header, HoldsObjects):
            raise header
        headers[name] = header
    return headers


def safe_headers(source: Source) -> dict[str, Header]:
    """Shape and type of every array except those that contain Python objects. Raises ArchiveError, OSError."""
    return {name: header for name, header in _headers(source).items() if not isinstance(header, HoldsObjects)}


def object_arrays(source: Source, wanted: Collection[str]) -> list[str]:
    """The unneeded arrays that contain Python objects; they are never loaded."""
    return [
        name for name, header in _headers(source).items() if isinstance(header, HoldsObjects) and name not in wanted
    ]


def _headers(source: Source) -> dict[str, Header | HoldsObjects]:
    """The header of each array, or the error that it contains Python objects."""
    headers: dict[str, Header | HoldsObjects] = {}
    try:
        with zipfile.ZipFile(source) as archive:
            for entry in archive.infolist():
                try:
                    headers[_key(entry)] = read_header(archive, entry)
                except HoldsObjects as error:
                    headers[_key(entry)] = error
    except UNREADABLE_ZIP as error:
        raise ArchiveError(f"not a readable .npz archive ({error or 'cut short'})") from error
    return headers


def read_arrays(source: Source, wanted: Collection[str] | None = None) -> dict[str, NDArray[np.generic]]:
    """All arrays of an archive (the `wanted` ones), after their headers were checked. Raises ArchiveError, OSError."""
    headers = read_headers(source, wanted)
    size = sum(_bytes(*header) for header in headers.values())
    if size > MAX_BYTES:
        raise ArchiveError(f"holds {size:,} bytes of arrays; at most {MAX_BYTES:,} are read")
    try:
        if not isinstance(source, Path):
            source.seek(0)
        with np.load(source, allow_pickle=False) as archive:
            return {name: archive[name] for name in headers}
    except Exception as error:  # zlib, zipfile and numpy each have their own exceptions for damage
        raise ArchiveError(f"damaged: {error}") from error


def _key(entry: zipfile.ZipInfo) -> str:
    if not entry.filename.endswith(".npy"):
        raise ArchiveError(f"holds {entry.filename!r}, which is not an array")
    return entry.filename.removesuffix(".npy")


def read_header(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Header:
    """Shape and type; their size must equal the size that the archive gives for the array. Raises ArchiveError."""
    try:
        with archive.open(entry) as member:
            version = npy.read_magic(member)
            read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, _, dtype = read(member)
            start = member.tell()
    except Exception as error:  # a foreign header may raise anything
        raise ArchiveError(f"array {_key(entry)!r} has no readable header ({error})") from error
    if dtype.hasobject:
        raise HoldsObjects(f"array {_key(entry)!r} holds Python objects, which are never loaded")
    if start + _bytes(shape, dtype) != entry.file_size:
        raise ArchiveError(f"array {_key(entry)!r} is said to have the shape {shape}, but not the bytes for it")
    return shape, dtype


def _bytes(shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> int:
    size = dtype.itemsize
    for length in shape:
        size *= length
    return size
