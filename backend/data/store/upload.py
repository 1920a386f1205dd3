"""Puts a folder into the store: parts that are new, then the manifest; a half upload is never seen."""

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from backend.data.places import Stamp
from backend.data.store.manifest import Manifest, StoredFile, part_size, write_manifest
from backend.data.store.protocol import Objects

LEFT_OUT = frozenset({"unpacked", "tensorboard", "wandb"})
"""Folders that are made again from the others, or belong to a machine."""
SAVES = "resume"
AT_ONCE = 8
PASSES = 5

Wanted = Callable[[str], bool]


class Unsteady(Exception):
    """Files came and went so fast that no state of the folder could be read; the next attempt may."""


def everything(_name: str) -> bool:
    """Every file of a folder."""
    return True


class Upload:
    """The repeated upload of one folder; what did not change is neither read nor sent again.

    Parts are below `scope`. What an earlier scope's manifest names is referred to, not sent.
    """

    def __init__(
        self, objects: Objects, scope: str, before: Manifest | None = None, before_key: str | None = None
    ) -> None:
        self.objects = objects
        self._scope = scope
        self._stored = {key.rpartition("/")[2]: key for key in (before or Manifest()).keys}
        self._known: dict[str, tuple[Stamp, StoredFile]] = {}
        self._accepted: list[set[str]] = [] if before_key is None else [{*self._stored.values(), before_key}]
        self._written: set[str] = set().union(*self._accepted)
        self._manifest = Manifest()
        self._key: str | None = None

    def put(self, folder: Path, wanted: Wanted = everything) -> str:
        """Upload what is new in the folder; the key of its manifest. Raises StoreError, Unsteady."""
        for _ in range(PASSES):
            try:
                manifest = self._put_files(folder, wanted)
            except (FileNotFoundError, _Changed):
                continue  # an old save was removed: the folder is read again
            if self._key is None or manifest != self._manifest:
                self._manifest, self._key = manifest, write_manifest(self.objects, self._scope, manifest)
                self._written.add(self._key)
            return self._key
        raise Unsteady(f"{folder.name} changes too fast to be copied")

    def accept(self, key: str) -> None:
        """The manifest with this key is the one that others read: delete what neither it nor the one before names.

        Raises StoreError.
        """
        self._accepted = [*self._accepted[-1:], {*self._manifest.keys, key}]
        outdated = self._written - set().union(*self._accepted)
        self.objects.delete(sorted(outdated))
        self._written -= outdated
        self._stored = {digest: name for digest, name in self._stored.items() if name in self._written}

    def _put_files(self, folder: Path, wanted: Wanted) -> Manifest:
        files: dict[str, StoredFile] = {}
        with _Batch(self.objects) as batch:
            try:
                for name in names_below(folder):
                    if wanted(name):
                        files[name] = self._put_file(folder, name, batch)
                batch.send()
            except BaseException:
                self._forget(batch.unsent)
                raise
            finally:
                self._written |= batch.sent
        self._known = {name: known for name, known in self._known.items() if name in files}
        return Manifest(files)

    def _put_file(self, folder: Path, name: str, batch: "_Batch") -> StoredFile:
        with (folder / name).open("rb") as file:
            found = os.fstat(file.fileno())
            stamp = found.st_mtime_ns, found.st_size, found.st_ino
            known = self._known.get(name)
            if known is not None and known[0] == stamp:
                return known[1]
            left, parts = found.st_size, []
            while left:
                content = file.read(min(left, part_size(name)))
                if not content:
                    raise _Changed  # it was cut meanwhile
                left -= len(content)
                digest = hashlib.sha256(content).hexdigest()
                if digest not in self._stored:
                    self._stored[digest] = f"{self._scope}/{digest}"
                    batch.add(self._stored[digest], content)
                parts.append(self._stored[digest])
        stored = StoredFile(found.st_size, tuple(parts))
        self._known[name] = stamp, stored
        return stored

    def _forget(self, keys: set[str]) -> None:
        """These may not be there: whatever consists of them is read and sent again."""
        self._stored = {digest: key for digest, key in self._stored.items() if key not in keys}
        self._known = {name: known for name, known in self._known.items() if not keys & set(known[1].parts)}


class _Changed(Exception):
    """A file became shorter while it was read."""


class _Batch:
    """Parts on their way to the store, a few at once."""

    def __init__(self, objects: Objects) -> None:
        self.objects = objects
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._waiting: list[tuple[str, bytes]] = []
        self.sent: set[str] = set()

    def __enter__(self) -> "_Batch":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    @property
    def unsent(self) -> set[str]:
        """The keys of parts that may not be there."""
        return {key for key, _ in self._waiting}

    def add(self, key: str, content: bytes) -> None:
        """Raises StoreError."""
        self._waiting.append((key, content))
        if len(self._waiting) >= AT_ONCE:
            self.send()

    def send(self) -> None:
        """Raises StoreError."""
        list(self._pool.map(lambda part: self.objects.create(*part), self._waiting))
        self.sent |= self.unsent
        self._waiting.clear()


def names_below(folder: Path) -> Iterator[str]:
    """The files of a folder by their names below it. Saves come first: all else is then at least as new as they are."""
    yield from sorted(name for name in _walk(folder) if SAVES in PurePosixPath(name).parts)
    yield from sorted(name for name in _walk(folder) if SAVES not in PurePosixPath(name).parts)


def _walk(folder: Path) -> Iterator[str]:
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name[0] != "." and name not in LEFT_OUT]
        below = PurePosixPath(Path(root).relative_to(folder))
        yield from (str(below / name) for name in names if name[0] != ".")
