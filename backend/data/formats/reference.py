"""Episodes of a large folder that was imported from the shell: read where they lie, each when it is asked for."""

import json
import threading
from functools import lru_cache
from pathlib import Path

from backend.data.containers import VideoError
from backend.data.decode.sandbox import Decoded, Limits
from backend.data.episodes import Episode, EpisodeError
from backend.data.formats.protocol import Look, Reader
from backend.data.formats.registry import open_reader, recognise, told
from backend.data.formats.tree import FolderTree

_LOCK = threading.Lock()  # the formats' libraries share places in files


def read_referenced(reference: Path, n: int) -> Episode:
    """Episode n of the folder that a reference.json names. Raises EpisodeError."""
    try:
        with _LOCK:
            reader = _reader(reference, reference.stat().st_mtime_ns)
            if n >= len(reader.lengths):
                raise EpisodeError(f"{reference.parent.name}: the folder was changed, it has no episode {n} any more")
            return told(lambda: reader.read(n), f"episode {n}")
    except (VideoError, OSError, ValueError, KeyError) as error:
        if isinstance(error, EpisodeError):
            raise
        raise EpisodeError(f"{reference.parent.name} is read where it lies: {error}") from error


def forget_readers() -> None:
    """Close what is held open of folders."""
    _reader.cache_clear()


@lru_cache(maxsize=8)
def _reader(reference: Path, _changed: int) -> Reader:
    values = json.loads(reference.read_bytes())
    folder = Path(values["folder"])
    if not folder.is_dir():
        raise EpisodeError(f"the folder {folder} is gone")
    tree = FolderTree(folder)
    family, root = recognise(tree, values["format"])
    return open_reader(tree, family, root, Look(values["crop"], Limits(), Decoded()), values["format"])
