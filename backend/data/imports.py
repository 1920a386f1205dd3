"""Imports checkpoints: the zip of a checkpoint folder, read as data only.

Every size is checked before memory is given to it; nothing in the archive is executed or written outside the
staging folder; what is wrong is said by file and tensor.
"""

import contextlib
import hashlib
import json
import os
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from backend.data.checkpoint import (
    CARD,
    CHECKS,
    FACTORS,
    FORGETTING,
    LABELS,
    QUALITY,
    TEACHERS,
    CheckpointInfo,
    read_checkpoint,
    read_info,
)
from backend.data.files import MANIFEST, aside_of, put_in_place
from backend.data.import_checks import (
    CLIP,
    CONFIG,
    REMEDY,
    REQUIRED,
    STATISTICS,
    WEIGHTS,
    RefusedImport,
    check_content,
)
from backend.data.networks import CorruptCheckpoint
from backend.data.zip_names import common_folder, files_of

MIB = 2**20
LIMITS = {
    WEIGHTS: 1024 * MIB,
    CONFIG: 1 * MIB,
    STATISTICS: 8 * MIB,
    CLIP: 512 * MIB,
    MANIFEST: 1 * MIB,
    FACTORS: 32 * MIB,
    CHECKS: 32 * MIB,
    QUALITY: 1 * MIB,
    TEACHERS: 32 * MIB,
    FORGETTING: 4 * MIB,
    LABELS: 4 * MIB,
    CARD: 1 * MIB,
}
MOST_ENTRIES = 100
_PIECE = 1 * MIB
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, RuntimeError, OverflowError)
_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


class Imported(NamedTuple):
    """The imported checkpoint, and whether it was here already."""

    info: CheckpointInfo
    known: bool


def import_checkpoint(archive: Path, home: Path) -> Imported:
    """Imports the zip of a checkpoint folder into `home/checkpoints`, completely or not at all.

    Raises RefusedImport, or IncompatibleCheckpoint where the weights are not those of the networks that
    config.json names. The id comes from the content: the same archive again gives the same checkpoint.
    """
    return take_in(home, lambda folder: _unpack(archive, folder))


def take_in(home: Path, fill: Callable[[Path], None], about: Mapping[str, object] | None = None) -> Imported:
    """Imports what `fill` writes into an empty folder, completely or not at all; raises as `import_checkpoint`.

    `about` replaces entries of config.json, once its files are known to be as they were sent.
    """
    shelf = home / "checkpoints"
    shelf.mkdir(parents=True, exist_ok=True)
    staging = aside_of(shelf / "import")
    staging.mkdir()
    try:
        fill(staging)
        check_content(staging)
        if about:
            _describe(staging, about)
        id = f"import-{_digest(staging)}"
        read_checkpoint(read_info(staging, id, "import"))
        target = shelf / id
        for file in staging.iterdir():
            _sync(file)
        known = target.exists()
        with contextlib.suppress(FileExistsError):  # the same archive was sent in the meantime
            put_in_place(staging, target)
        return Imported(read_info(target, id, "import"), known)
    except CorruptCheckpoint as error:
        raise RefusedImport(str(error), REMEDY) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _describe(folder: Path, about: Mapping[str, object]) -> None:
    """Replaces entries of config.json, and its hash in the manifest."""
    config, manifest = (json.loads((folder / name).read_bytes()) for name in (CONFIG, MANIFEST))
    content = json.dumps({**config, **about}, indent=1, allow_nan=False).encode()
    (folder / CONFIG).write_bytes(content)
    manifest[CONFIG] = hashlib.sha256(content).hexdigest()
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1))


def _unpack(archive: Path, folder: Path) -> None:
    """Writes the known files of a zip into `folder`, each within its limit; refuses everything else."""
    with archive.open("rb") as file:
        head = file.read(8)
    if head.startswith(_PICKLES):
        raise RefusedImport("this is a pickle, which can run code when it is opened", "Export it as safetensors.")
    try:
        opened = zipfile.ZipFile(archive)
    except _DAMAGE as error:
        raise RefusedImport(f"the archive is no whole zip file: {error}") from error
    with opened:
        for name, entry in _members(opened).items():
            with (folder / name).open("wb") as copy:
                copy.writelines(_pieces(opened, entry, name))


def _members(opened: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The files of a zip by name, without the folders they may stand in; raises RefusedImport."""
    if len(opened.infolist()) > MOST_ENTRIES:
        raise RefusedImport(
            f"the archive holds {len(opened.infolist())} files, a checkpoint has at most {len(LIMITS)}", REMEDY
        )
    entries = files_of(opened.infolist())
    for name, entry in entries:
        _check_entry(name, entry)
    prefix = common_folder(name for name, _ in entries)
    members: dict[str, zipfile.ZipInfo] = {}
    for full_name, entry in entries:
        name = full_name.removeprefix(prefix)
        if name not in LIMITS:
            pickled = name.endswith((".pkl", ".pickle", ".pt", ".pth", ".ckpt"))
            why = "is a pickle, which can run code" if pickled else "is no file of a checkpoint"
            raise RefusedImport(f"{name[:80]!r} {why}", REMEDY, [name[:80]])
        if name in members:
            raise RefusedImport(f"{name} stands in the archive twice", REMEDY, [name])
        if entry.file_size > LIMITS[name]:
            raise RefusedImport(
                f"{name} would be {entry.file_size:,} bytes, the limit is {LIMITS[name]:,}", REMEDY, [name]
            )
        members[name] = entry
    missing = sorted({*REQUIRED, MANIFEST} - members.keys())
    if missing:
        raise RefusedImport(f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing", REMEDY, missing)
    return members


def _check_entry(name: str, entry: zipfile.ZipInfo) -> None:
    """Refuses names that leave the folder, links, encryption and false claims about compression."""
    shown = [name[:80]]
    drive = name[1:2] == ":"
    if drive or name.startswith("/") or "\0" in entry.orig_filename or ".." in name.split("/"):
        raise RefusedImport(f"{name[:80]!r} points out of the archive", REMEDY, shown)
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise RefusedImport(f"{name[:80]!r} is a link", REMEDY, shown)
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise RefusedImport(f"{name[:80]!r} is compressed in an unusual way", "Pack it as a plain zip.", shown)
    if entry.flag_bits & 0x1:
        raise RefusedImport(f"{name[:80]!r} is encrypted", "Send it without a password.", shown)
    if entry.file_size > 1_100 * entry.compress_size + MIB:
        raise RefusedImport(f"{name[:80]!r} claims an impossible compression", REMEDY, shown)


def _pieces(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str) -> Iterator[bytes]:
    """One file of the zip, never more bytes than it declared; raises RefusedImport for whatever is wrong in it."""
    left = entry.file_size
    try:
        with opened.open(entry) as source:
            while piece := source.read(_PIECE):
                left -= len(piece)
                if left < 0:
                    raise RefusedImport(f"{name} is larger than it says", REMEDY, [name])
                yield piece
    except _DAMAGE as error:
        raise RefusedImport(f"{name} is damaged: {error}", REMEDY, [name]) from error


def _digest(folder: Path) -> str:
    """A name for what the manifest's hashes say, however the manifest itself is laid out."""
    hashes = json.loads((folder / MANIFEST).read_bytes())
    return hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()[:16]


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
