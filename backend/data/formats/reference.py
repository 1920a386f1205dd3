"""Episodes of a large folder or file that was imported in the shell: read in place, on demand."""

import json
import threading
import weakref
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path

from backend.data.containers import VideoError
from backend.data.decode.sandbox import Decoded, Limits
from backend.data.episode import Episode, EpisodeError
from backend.data.formats.protocol import Look, Reader
from backend.data.formats.registry import open_reader, recognise, told
from backend.data.formats.tree import FolderTree, tree_of_file

_LOCK = threading.Lock()  # the formats' libraries share places in files


def read_referenced(reference: Path, n: int) -> Episode:
    """Episode n of what a reference.json names. Raises EpisodeError."""
    try:
        with _LOCK:
            reader = _reader(reference, reference.stat().st_mtime_ns)
            if n >= len(reader.lengths):
                raise EpisodeError(f"{reference.parent.name}: it was changed and has no episode {n} any more")
            return told(lambda: reader.read(n), f"episode {n}")
    except (VideoError, OSError, ValueError, KeyError) as error:
        if isinstance(error, EpisodeError):
            raise
        raise EpisodeError(f"{reference.parent.name} is read where it lies: {error}") from error


def forget_readers() -> None:
    """Close what is held open."""
    _reader.cache_clear()


@lru_cache(maxsize=8)
def _reader(reference: Path, _changed: int) -> Reader:
    values = json.loads(reference.read_bytes())
    path = Path(values["path"])
    if not path.exists():
        raise EpisodeError(f"{path} is gone")
    with ExitStack() as stack:
        tree = FolderTree(path) if path.is_dir() else tree_of_file(path.name, stack.enter_context(path.open("rb")))
        family, root = recognise(tree, values["format"])
        reader = open_reader(tree, family, root, Look(values["crop"], Limits(), Decoded()), values["format"])
        weakref.finalize(reader, stack.pop_all().close)  # open as long as it may be read
    return reader
