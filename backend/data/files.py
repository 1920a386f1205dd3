"""Files that are complete or absent: written under another name, synced, listed in a manifest of hashes, renamed."""

import contextlib
import errno
import hashlib
import itertools
import json
import logging
import os
import shutil
import socket
import stat
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from backend.data.crash import crash_point

log = logging.getLogger(__name__)

MANIFEST = "manifest.json"
_ASIDE = ".partial-"
_HOST = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]
ABANDONED_S = 86_400.0
_NUMBERS = itertools.count()  # two threads that write the same name do not meet

Content = bytes | Callable[[Path], None]


class CorruptFile(Exception):
    """A file is missing or does not have the content that was written."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path.name} {why}")
        self.path = path


def write_file(target: Path, content: bytes) -> None:
    """Replaces `target` in one step, durably: a reader sees the old bytes or the new ones."""
    aside = aside_of(target)
    try:
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        crash_point("file-before-rename")
        aside.rename(target)
        crash_point("file-after-rename")
        sync_folder(target.parent)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def write_json(target: Path, value: object) -> None:
    """`write_file` of a JSON value; NaN and infinities are refused."""
    write_file(target, json.dumps(value, indent=1, allow_nan=False).encode())


def read_json(path: Path) -> Any:
    """The JSON value of a file that people's words are kept in, or None where there is no file.

    A damaged file is renamed, so that the next write does not replace what can still be read in it. Raises OSError.
    """
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_bytes())
    except ValueError:
        set_aside(path)
        return None


def set_aside(path: Path) -> None:
    """Renames a file that cannot be understood to `NAME.damaged-TIME`, and says so in the log."""
    aside = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
    with contextlib.suppress(FileNotFoundError):  # another thread was faster
        path.rename(aside)
    log.warning("%s is damaged: it is now %s, and a new one begins", path, aside.name)


def write_folder(target: Path, files: Mapping[str, Content]) -> None:
    """Writes a folder of files with a manifest of their hashes; it appears completely or not at all.

    Each value is the file's bytes, or a function that writes the path it is given. Raises
    FileExistsError if `target` is there already.
    """
    if target.exists():
        raise FileExistsError(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = aside_of(target)
    aside.mkdir()
    try:
        for name, content in files.items():
            _write(aside / name, content)
            crash_point("folder-half-written")
        _write(aside / MANIFEST, json.dumps({name: sha256(aside / name) for name in files}, indent=1).encode())
        mode = stat.S_IMODE((aside / MANIFEST).stat().st_mode)
        for name in files:  # some libraries write files that only their owner may read
            (aside / name).chmod(mode)
        put_in_place(aside, target)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def put_in_place(aside: Path, target: Path) -> None:
    """Gives a folder whose files are synced its name, durably; FileExistsError where another one was faster."""
    sync_folder(aside)
    crash_point("folder-before-rename")
    try:
        aside.rename(target)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
            raise FileExistsError(target) from None
        raise
    crash_point("folder-after-rename")
    sync_folder(target.parent)


def remove_folder(folder: Path) -> None:
    """Removes a folder so that its name never shows a part of it; a sweep removes what a kill leaves."""
    aside = aside_of(folder)
    folder.rename(aside)
    crash_point("folder-half-removed")
    shutil.rmtree(aside)


def verify_folder(folder: Path) -> None:
    """Raises CorruptFile, naming the file, unless every file of the manifest is there with its hash."""
    manifest = folder / MANIFEST
    try:
        hashes = json.loads(manifest.read_bytes())
        assert all(isinstance(value, str) for value in hashes.values())
    except FileNotFoundError:
        raise CorruptFile(manifest, "is missing") from None
    except (ValueError, AttributeError, AssertionError):
        raise CorruptFile(manifest, "is not a manifest") from None
    for name, expected in hashes.items():
        path = folder / name
        if not path.is_file():
            raise CorruptFile(path, "is missing")
        if sha256(path) != expected:
            raise CorruptFile(path, "was changed or damaged after it was written (its hash differs)")


def aside_of(target: Path) -> Path:
    """A temporary name next to `target` for its future content; a sweep removes it once this process is gone."""
    return target.with_name(f"{_ASIDE}{_mark(os.getpid())}-{next(_NUMBERS)}-{target.name}")


def sweep(folder: Path) -> None:
    """Removes what interrupted writes left behind in `folder` by processes that are gone."""
    _sweep(folder.glob(f"{_ASIDE}*"))


def sweep_tree(folder: Path) -> None:
    """`sweep` of a folder and of all folders below it."""
    _sweep(folder.rglob(f"{_ASIDE}*"))


def _sweep(found: Iterable[Path]) -> None:
    for leftover in list(found):
        mark = leftover.name.removeprefix(_ASIDE).split("-", 1)[0]
        if _is_gone(mark, leftover):
            shutil.rmtree(leftover, ignore_errors=True) if leftover.is_dir() else leftover.unlink(missing_ok=True)


def _is_gone(mark: str, leftover: Path) -> bool:
    """Whether the process that a mark names is gone; of another machine's, who writes for a day counts as living."""
    process = mark.partition(".")[0]
    if not process.isdecimal():
        return False
    if mark.count(".") == 2 and not mark.endswith(f".{_HOST}"):
        with contextlib.suppress(OSError):
            return time.time() - leftover.stat().st_mtime > ABANDONED_S
        return False
    return mark not in (_mark(int(process)), _mark(int(process)).rpartition(".")[0])


def _mark(process: int) -> str:
    """`<id>.<start>.<host>`: the time of its start tells a process from a later one that was given the same id.

    A process that is gone, or dead and not yet reaped, began at "gone"; where the system has no /proc everyone counts
    as living. On a disk that machines share, a process can be judged on its own machine only.
    """
    try:
        facts = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return f"{process}.{'gone' if Path('/proc/self/stat').exists() else 'unknown'}.{_HOST}"
    return f"{process}.{'gone' if facts[0] in ('Z', 'X') else facts[19]}.{_HOST}"


def sha256(path: Path) -> str:
    """Hash of a file's content, as hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """Makes renames inside `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(path: Path, content: Content) -> None:
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content(path)
    with contextlib.closing(path.open("rb")) as file:
        os.fsync(file.fileno())
