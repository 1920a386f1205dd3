"""Files of a data set by name, alike for a folder, a zip of it and a single file. Nothing outside is ever opened."""

import io
import json
import os
import stat
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol

from backend.data.archive import UNREADABLE_ZIP
from backend.data.containers import MAX_MEMBERS, VideoError, is_junk

MAX_FILES = 2_000_000  # in a folder
MAX_TEXT_BYTES = 64 * 2**20  # of a JSON file
MAX_MEMBER_BYTES = 512 * 2**20  # of a compressed file in a zip, which is unpacked in memory
_RATIO, _SPARE = 1_100, 2**20  # deflate cannot compress further
_LOCAL_HEADER = 30


class Tree(Protocol):
    """Files by their names with `/` between the parts, and their bytes."""

    @property
    def name(self) -> str: ...
    @property
    def files(self) -> Mapping[str, int]:
        """The size of each file in bytes."""
        ...

    def open(self, name: str) -> IO[bytes]:
        """A file of `files`, from its start; it can be read from any place. Raises VideoError, OSError."""
        ...


class FolderTree:
    """A folder on this machine. Links that lead out of it are refused, and the folder with them."""

    def __init__(self, folder: Path) -> None:
        self.name = folder.resolve().name
        self._root = folder.resolve()
        self.files: dict[str, int] = dict(self._scan())

    def open(self, name: str) -> IO[bytes]:
        """A file of the folder."""
        return (self._root / name).open("rb")

    def _scan(self) -> Iterator[tuple[str, int]]:
        count = 0
        for folder, folders, names in os.walk(self._root):
            folders.sort()
            for name in [*folders, *names]:
                path = Path(folder, name)
                if path.is_symlink() and not path.resolve().is_relative_to(self._root):
                    link = str(path.relative_to(self._root))
                    raise _unsafe(f"{link[:80]!r} is a link out of the folder", "Copy it with `cp -rL` first.")
            for name in sorted(names):
                path = Path(folder, name)
                shown = path.relative_to(self._root).as_posix()
                found = path.stat() if path.exists() else None
                if found is None or not stat.S_ISREG(found.st_mode) or is_junk_name(shown):
                    continue
                count += 1
                if count > MAX_FILES:
                    raise VideoError("too_large", f"the folder has more than {MAX_FILES:,} files", "Import a part.")
                yield shown, found.st_size


class FileTree:
    """A single open file."""

    def __init__(self, name: str, file: IO[bytes]) -> None:
        self.name, self._file = name, file
        self.files = {name: file.seek(0, os.SEEK_END)}

    def open(self, name: str) -> IO[bytes]:
        """The file."""
        return _sliced(self._file, 0, self.files[name])


class ZipTree:
    """An open zip. Uncompressed files are read in place, compressed ones in memory."""

    def __init__(self, name: str, file: IO[bytes]) -> None:
        self.name, self._file = name, file
        self._zip = zipfile.ZipFile(file)
        entries = [entry for entry in self._zip.infolist() if not entry.is_dir()]
        if len(entries) > MAX_MEMBERS:
            message = f"the zip has {len(entries):,} files; at most {MAX_MEMBERS:,} are read"
            raise VideoError("too_large", message, "Import it in parts.")
        self._entries = {_checked(entry): entry for entry in entries if not is_junk_name(entry.filename)}
        self.files = {name: entry.file_size for name, entry in self._entries.items()}

    def open(self, name: str) -> IO[bytes]:
        """A file of the zip."""
        entry = self._entries[name]
        if entry.compress_type == zipfile.ZIP_STORED and entry.compress_size == entry.file_size:
            return _sliced(self._file, self._begin(entry), entry.file_size)
        if entry.file_size > MAX_MEMBER_BYTES:
            message = f"{name[:80]!r} has {entry.file_size:,} bytes; at most {MAX_MEMBER_BYTES:,} may be compressed"
            raise VideoError("too_large", message, "Pack it without compression: zip -0 -r data.zip folder")
        return io.BytesIO(self._zip.read(entry))

    def _begin(self, entry: zipfile.ZipInfo) -> int:
        self._file.seek(entry.header_offset)
        head = self._file.read(_LOCAL_HEADER)
        if len(head) < _LOCAL_HEADER or not head.startswith(b"PK\x03\x04"):
            raise VideoError("damaged", "the zip is damaged", "Pack it again.")
        return (
            entry.header_offset
            + _LOCAL_HEADER
            + int.from_bytes(head[26:28], "little")
            + int.from_bytes(head[28:30], "little")
        )


def tree_of_file(name: str, file: IO[bytes]) -> Tree:
    """The files of an open zip, or an HDF5 file alone. Raises VideoError."""
    file.seek(0)
    if file.read(4) != b"PK\x03\x04":
        return FileTree("data.h5", file)
    try:
        return ZipTree(name, file)
    except UNREADABLE_ZIP as error:
        raise VideoError("damaged", f"the zip cannot be read ({error})", "Pack it again.") from error


def read_bytes(tree: Tree, name: str, most: int = MAX_TEXT_BYTES) -> bytes:
    """All bytes of a file that may not be large. Raises VideoError."""
    if name not in tree.files:
        raise VideoError("format", f"{name[:80]!r} is missing", "Give the whole folder of the data set.")
    if tree.files[name] > most:
        message = f"{name[:80]!r} has {tree.files[name]:,} bytes; at most {most:,} are read"
        raise VideoError("too_large", message, "Check the file with the library that wrote it.")
    with tree.open(name) as file:
        return file.read(most)


def read_json(tree: Tree, name: str) -> dict[str, Any]:
    """A JSON object. Raises VideoError."""
    try:
        value = json.loads(read_bytes(tree, name))
    except (ValueError, RecursionError) as error:
        raise VideoError("damaged", f"{name[:80]!r} is not JSON ({error})", "Write it again.") from error
    if not isinstance(value, dict):
        raise VideoError("damaged", f"{name[:80]!r} holds no JSON object", "Write it again.")
    return value


def under(tree: Tree, root: str) -> list[str]:
    """The names of the files below a folder of the tree, all for ""."""
    return [name for name in tree.files if name.startswith(root + "/")] if root else list(tree.files)


def join(root: str, name: str) -> str:
    """The name of a file in a folder of the tree."""
    return f"{root}/{name}" if root else name


def parent(name: str) -> str:
    """The folder of a file; "" at the top."""
    return name.rpartition("/")[0]


def is_junk_name(name: str) -> bool:
    """Whether an operating system put the file there; files such as .zgroup belong to a data set."""
    last = PurePosixPath(name.replace("\\", "/")).name
    return last not in (".zgroup", ".zarray", ".zattrs", ".zmetadata") and is_junk(name)


class _Slice(io.RawIOBase):
    """Bytes of an open file from `begin` on, as a file of their own; several may share one file."""

    def __init__(self, file: IO[bytes], begin: int, size: int) -> None:
        self._file, self._begin, self._size, self._place = file, begin, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        self._place = max(0, base + offset)
        return self._place

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), max(0, self._size - self._place))
        self._file.seek(self._begin + self._place)
        content = self._file.read(wanted)
        buffer[: len(content)] = content
        self._place += len(content)
        return len(content)


def _sliced(file: IO[bytes], begin: int, size: int) -> IO[bytes]:
    return io.BufferedReader(_Slice(file, begin, size))


def _checked(entry: zipfile.ZipInfo) -> str:
    """The name of an entry that may be opened. Raises VideoError."""
    name = entry.filename.replace("\\", "/")
    shown = repr(name[:80])
    if PurePosixPath(name).is_absolute() or ".." in name.split("/") or name[1:2] == ":":
        raise _unsafe(f"{shown} points out of the zip", "Pack the folder again.")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise _unsafe(f"{shown} is a link", "Pack the files themselves.")
    if entry.flag_bits & 0x1:
        raise _unsafe(f"{shown} is encrypted", "Pack it without a password.")
    if entry.file_size > _RATIO * entry.compress_size + _SPARE:
        raise _unsafe(f"{shown} claims an impossible compression", "Pack the folder again.")
    return name.removeprefix("./")


def _unsafe(message: str, remedy: str) -> VideoError:
    return VideoError("not_a_film", message, remedy)
