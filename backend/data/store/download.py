"""Makes a folder what a manifest of the store says; a folder with a manifest of its own appears whole or not at all."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from backend.data.files import MANIFEST, aside_of, put_in_place, remove_folder
from backend.data.places import Stamp, stamp_of
from backend.data.store.manifest import Manifest, StoredFile, part_size, read_part
from backend.data.store.protocol import Objects
from backend.data.store.upload import AT_ONCE, Wanted, everything, names_below

LAST = ("dataset.json", "progress.json", "result.json", "error.json")
"""Files that say that others are there: they are written after them."""


Seen = dict[Path, tuple[Stamp, tuple[str, ...]]]
"""The hashes of local files, and the stamps that they had then: what did not change is not read again."""


def bring(
    objects: Objects, manifest: Manifest, folder: Path, wanted: Wanted = everything, seen: Seen | None = None
) -> None:
    """Download into `folder` what it lacks, and remove what the manifest does not name; `wanted` limits both.

    Files that were added to a checkpoint here stay with it, as long as it has the same weights.
    Raises StoreError, OSError.
    """
    seen = {} if seen is None else seen
    files = {name: file for name, file in manifest.files.items() if wanted(name)}
    folder.mkdir(parents=True, exist_ok=True)
    units = {_parent(name) for name in files if name.endswith(f"/{MANIFEST}")}
    for unit in sorted(units):
        inside = {name: file for name, file in files.items() if name.startswith(f"{unit}/")}
        if not _is_same(folder / unit / MANIFEST, inside[f"{unit}/{MANIFEST}"], seen):
            _bring_unit(objects, inside, folder, unit)
    different = sorted(name for name in files if not _is_same(folder / name, files[name], seen))
    last = [name for name in different if name.rpartition("/")[2] in LAST]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        others = [name for name in different if name not in last]
        list(pool.map(lambda name: _bring_file(objects, files[name], folder / name), others))
    for name in last:
        _bring_file(objects, files[name], folder / name)
    for name in list(names_below(folder)):
        if wanted(name) and name not in files and _parent(name) not in units:
            (folder / name).unlink(missing_ok=True)
            _remove_empty((folder / name).parent, folder)


def _bring_unit(objects: Objects, files: dict[str, StoredFile], folder: Path, unit: str) -> None:
    target = folder / unit
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = aside_of(target)
    for name, file in files.items():
        _write(objects, file, aside / Path(name).relative_to(unit), None)
    if target.exists():
        remove_folder(target)
    put_in_place(aside, target)


def _bring_file(objects: Objects, file: StoredFile, path: Path) -> None:
    aside = aside_of(path)
    _write(objects, file, aside, path)
    aside.rename(path)


def _write(objects: Objects, file: StoredFile, path: Path, old: Path | None) -> None:
    """Write the file's content; parts that the old file has already are taken from it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    known = {} if old is None else _parts_of(old)
    missing = [key for key, digest in zip(file.parts, file.hashes, strict=True) if digest not in known]
    try:
        with path.open("wb") as target, _reader(objects, missing) as fetched:
            for digest in file.hashes:
                target.write(_read_at(old, *known[digest]) if old is not None and digest in known else next(fetched))
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@contextmanager
def _reader(objects: Objects, keys: list[str]) -> Iterator[Iterator[bytes]]:
    """The contents of parts in order, a few of them read ahead."""
    if len(keys) < 2:
        yield (read_part(objects, key) for key in keys)
        return
    with ThreadPoolExecutor(AT_ONCE) as pool:
        some = (keys[start : start + AT_ONCE] for start in range(0, len(keys), AT_ONCE))
        yield (content for batch in some for content in pool.map(lambda key: read_part(objects, key), batch))


def _parts_of(path: Path) -> dict[str, tuple[int, int]]:
    """The parts of a local file: hash -> (offset, size)."""
    found: dict[str, tuple[int, int]] = {}
    try:
        with path.open("rb") as file:
            offset = 0
            while content := file.read(part_size(path.name)):
                found[hashlib.sha256(content).hexdigest()] = offset, len(content)
                offset += len(content)
    except (FileNotFoundError, IsADirectoryError):
        return {}
    return found


def _read_at(path: Path, offset: int, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(size)


def _is_same(path: Path, file: StoredFile, seen: Seen) -> bool:
    """Whether a local file has this content."""
    try:
        stamp = stamp_of(str(path))
    except OSError:
        return False
    if stamp[1] != file.size:
        return False
    if path not in seen or seen[path][0] != stamp:
        with path.open("rb") as content:
            parts = iter(lambda: content.read(part_size(path.name)), b"")
            seen[path] = stamp, tuple(hashlib.sha256(part).hexdigest() for part in parts)
    return seen[path][1] == file.hashes


def _parent(name: str) -> str:
    return name.rpartition("/")[0]


def _remove_empty(folder: Path, top: Path) -> None:
    """Remove a folder that lost its last file, and those around it, up to but without `top`."""
    while folder != top and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
