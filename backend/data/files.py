"""Files that are whole or absent: written aside, synced, named in a manifest of hashes, then renamed."""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from backend.data.crash import crash_point

MANIFEST = "manifest.json"
_ASIDE = ".partial-"

Content = bytes | Callable[[Path], None]


class CorruptFile(Exception):
    """A file is missing or does not have the content that was written."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path.name} {why}")
        self.path = path


def write_file(target: Path, content: bytes) -> None:
    """Replaces `target` in one step, durably: a reader sees the old bytes or the new ones."""
    aside = target.with_name(f"{_ASIDE}{os.getpid()}-{target.name}")
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


def write_folder(target: Path, files: Mapping[str, Content]) -> None:
    """Writes a folder of files with a manifest of their hashes; it appears whole or not at all.

    Each value is the file's bytes, or a function that writes the path it is given. Raises
    FileExistsError if `target` is there already.
    """
    if target.exists():
        raise FileExistsError(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f"{_ASIDE}{os.getpid()}-{target.name}")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    try:
        for name, content in files.items():
            _write(aside / name, content)
            crash_point("folder-half-written")
        _write(aside / MANIFEST, json.dumps({name: sha256(aside / name) for name in files}, indent=1).encode())
        sync_folder(aside)
        crash_point("folder-before-rename")
        aside.rename(target)
        crash_point("folder-after-rename")
        sync_folder(target.parent)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def remove_folder(folder: Path) -> None:
    """Removes a folder so that at no moment a part of it stands under its name; a sweep takes what a kill leaves."""
    aside = folder.with_name(f"{_ASIDE}{os.getpid()}-{folder.name}")
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


def sweep(folder: Path) -> None:
    """Removes what interrupted writes left behind in `folder` by processes that are gone."""
    for leftover in folder.glob(f"{_ASIDE}*"):
        process = leftover.name.removeprefix(_ASIDE).split("-", 1)[0]
        if process.isdigit() and not Path(f"/proc/{process}").exists():
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()


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
