"""A folder as a store: for machines that share a disk but not a DISWM_HOME."""

import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from backend.data.store.protocol import ObjectMissing, StoreError


class FolderObjects:
    """Implements Objects: one file per object, linked under its name when it is complete and synced."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(self, key: str, content: bytes) -> bool:
        """As Objects says."""
        path = self._folder / key
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            aside = path.with_name(f".{uuid.uuid4().hex}")
            try:
                with aside.open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                path.hardlink_to(aside)
                return True
            except FileExistsError:
                return False
            finally:
                aside.unlink(missing_ok=True)
        except OSError as error:
            raise self._unusable(error) from None

    def read(self, key: str) -> bytes:
        """As Objects says."""
        try:
            return (self._folder / key).read_bytes()
        except FileNotFoundError:
            raise ObjectMissing(f"the store {self._folder} has no object {key}") from None
        except OSError as error:
            raise self._unusable(error) from None

    def keys(self, prefix: str) -> Iterator[str]:
        """As Objects says."""
        for root, folders, names in os.walk(self._folder / prefix):
            folders.sort()
            for name in sorted(names):
                if not name.startswith("."):
                    yield (Path(root) / name).relative_to(self._folder).as_posix()

    def delete(self, keys: Iterable[str]) -> None:
        """As Objects says."""
        for key in keys:
            path = self._folder / key
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise self._unusable(error) from None
            with suppress(OSError):
                path.parent.rmdir()  # only when it is empty

    def _unusable(self, error: OSError) -> StoreError:
        return StoreError(f"the store {self._folder} cannot be used: {error.strerror}")
