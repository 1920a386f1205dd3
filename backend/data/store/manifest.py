"""What a folder in the store consists of: the parts of each file, by the keys of their objects."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NamedTuple

from backend.data.store.protocol import ObjectDamaged, Objects

PART = 8 * 2**20
"""Bytes of a part; a file that grew is sent again from the first part that differs."""
PART_OF_LOG = 256 * 2**10
"""Of a file to which lines are appended all the time."""
LOGS = (".jsonl", ".txt")


class StoredFile(NamedTuple):
    """A file: its size in bytes, and the keys of its parts in order; the last name in a key is the part's SHA-256."""

    size: int
    parts: tuple[str, ...]

    @property
    def hashes(self) -> tuple[str, ...]:
        """The SHA-256 of each part."""
        return tuple(key.rpartition("/")[2] for key in self.parts)


@dataclass(frozen=True)
class Manifest:
    """The files of a folder, by their names below it."""

    files: Mapping[str, StoredFile] = field(default_factory=dict)

    @property
    def keys(self) -> set[str]:
        """The keys of all parts."""
        return {key for file in self.files.values() for key in file.parts}

    def to_bytes(self) -> bytes:
        """As JSON; equal manifests give equal bytes."""
        return json.dumps({name: [file.size, *file.parts] for name, file in sorted(self.files.items())}).encode()


def write_manifest(objects: Objects, scope: str, manifest: Manifest) -> str:
    """Put a manifest below `scope`, after everything that it names; its key. Raises StoreError."""
    content = manifest.to_bytes()
    key = f"{scope}/manifests/{hashlib.sha256(content).hexdigest()}"
    objects.create(key, content)
    return key


def read_manifest(objects: Objects, key: str) -> Manifest:
    """Raises StoreError; ObjectDamaged if it is not what was written, or names a file outside its folder."""
    content = read_part(objects, key)
    try:
        files = {
            str(name): StoredFile(int(size), tuple(map(str, parts)))
            for name, (size, *parts) in json.loads(content).items()
        }
    except (ValueError, TypeError, AttributeError):
        raise ObjectDamaged(f"the object {key} of the store is not a manifest") from None
    outside = next((name for name in files if not is_inside(name)), None)
    if outside is not None:
        raise ObjectDamaged(
            f"the object {key} of the store names the file {outside[:80]!r}, which is outside its folder"
        )
    return Manifest(files)


def read_part(objects: Objects, key: str) -> bytes:
    """An object whose key ends with its SHA-256. Raises StoreError; ObjectDamaged if the content has another one."""
    content = objects.read(key)
    if hashlib.sha256(content).hexdigest() != key.rpartition("/")[2]:
        raise ObjectDamaged(f"the object {key} of the store was damaged after it was written (its hash differs)")
    return content


def part_size(name: str) -> int:
    """Bytes of each part of a file with this name but the last one."""
    return PART_OF_LOG if name.endswith(LOGS) else PART


def is_inside(name: str) -> bool:
    """Whether a name in a manifest is a path below the folder, without hidden names."""
    path = PurePosixPath(name)
    return (
        bool(path.parts)
        and not path.is_absolute()
        and "\0" not in name
        and not any(part[0] == "." for part in path.parts)
    )
