"""Finds checkpoints, and keeps the most recently used in memory."""

import math
import re
import threading
import time
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

from backend.data.catalogue import find_checkpoint, find_dataset, list_checkpoints
from backend.data.checkpoint import (
    CHECKS,
    FACTORS,
    LABELS,
    QUALITY,
    TEACHERS,
    Checkpoint,
    CheckpointInfo,
    QualityInBrief,
    first_info,
    load_checkpoint,
    read_info,
    read_quality,
    read_quality_in_brief,
)
from backend.data.episodes import DatasetInfo
from backend.data.files import MANIFEST
from backend.data.networks import CheckpointError
from backend.data.places import Stamp, stamp_of
from backend.interpret.base import BaseFrames, find_frames
from backend.interpret.traversal_request import TraversalRequest
from backend.views.cache import ByteCache

CHECKPOINT_BYTES = 1 << 30
FOUND_SECONDS = 0.5
WALK_SECONDS = 5.0  # how long the further pages of a list come from the scan of its first
MOST_RECENT = 1_000  # references
Stamped = tuple[str, Stamp | None]  # a file, and None where it is not there

_NAMED = re.compile(rb'"status"\s*:\s*"named"')  # in strings of JSON the quotes would have backslashes
_NOTHING: tuple[float, Hashable, list[CheckpointInfo]] = (-math.inf, (), [])


class CheckpointCache:
    """Finds checkpoints, and keeps the most recently used in memory. Safe to use from many threads."""

    def __init__(self, home: Path, limit: int = CHECKPOINT_BYTES) -> None:
        self.home = home
        self._cache: ByteCache[Checkpoint] = ByteCache(limit, _size)
        self._lock = threading.Lock()
        self._loading: dict[Hashable, threading.Lock] = {}
        self._looking = threading.Lock()
        self._recent: dict[str, tuple[float, CheckpointInfo]] = {}
        self._listed: tuple[float, Hashable, list[CheckpointInfo]] = _NOTHING
        self._named: dict[Hashable, int] = {}
        self._quality: dict[Hashable, QualityInBrief | None] = {}

    @property
    def used_bytes(self) -> int:
        """Memory that the loaded checkpoints take."""
        return self._cache.used

    def list(self, *, continues: bool = False) -> list[CheckpointInfo]:
        """Every checkpoint, newest first. Each is as it was first read, because asking the disk about thousands takes
        most of the time: callers that show some of them check these with `all_current`. Where it `continues` what was
        listed within WALK_SECONDS, it looks again only after a checkpoint was imported or deleted, or a run began.
        """
        places = tuple(_stamped(self.home, name) for name in ("runs", "checkpoints"))
        at, known, listed = self._listed
        if not continues or known != places or time.monotonic() - at > WALK_SECONDS:
            at = time.monotonic()
            listed = list_checkpoints(self.home, first_info)
            self._listed = (at, places, listed)
        return listed

    def prepare(self) -> None:
        """Read what lists show of every checkpoint: of thousands, the first list of all would take seconds."""
        for info in self.list():
            self.named(info)
            self.quality_in_brief(info)

    def all_current(self, shown: Sequence[CheckpointInfo]) -> bool:
        """Whether these match their files. If one does not, the next `list` reads all again."""
        try:
            current = all(read_info(info.folder, info.id, info.source, info.findings_folder) == info for info in shown)
        except CheckpointError:
            current = False
        if not current:
            first_info.cache_clear()
            self._listed = _NOTHING
        return current

    def forget(self) -> None:
        """Read the disk again at the next request, because something was deleted."""
        self._recent.clear()
        self._listed = _NOTHING

    def recall(self, reference: str) -> CheckpointInfo | None:
        """A checkpoint that was found within FOUND_SECONDS and is still there; never reads a file."""
        at, info = self._recent.get(reference, (-math.inf, None))
        if info is None or time.monotonic() - at > FOUND_SECONDS or _stamped(info.folder, MANIFEST)[1] is None:
            return None
        return info

    def find(self, reference: str) -> CheckpointInfo:
        """The catalogue's entry of a checkpoint, by id or name; raises NotFound."""
        with self._looking:  # of many concurrent requests, one looks and the others use its result
            recalled = self.recall(reference)
            if recalled is not None:
                return recalled
            info = find_checkpoint(self.home, reference)
            if len(self._recent) >= MOST_RECENT:
                self._recent.clear()
            self._recent[reference] = (time.monotonic(), info)
        return info

    def dataset(self, reference: str) -> DatasetInfo:
        """A data set, by id or name; raises NotFound."""
        return find_dataset(self.home, reference)

    def frames(self, request: TraversalRequest) -> BaseFrames | None:
        """The frames that a traversal starts from, if they are not the clip's; raises ViewError."""
        return find_frames(self.home, request)

    def named(self, info: CheckpointInfo) -> int:
        """The number of dimensions that are named after a factor; 0 if factors have not been computed."""
        key = _found(info, FACTORS)
        if key not in self._named:
            self._named[key] = _count_named(Path(key[0]))
        return self._named[key]

    def quality(self, info: CheckpointInfo) -> dict[str, Any] | None:
        """The measured quality of a checkpoint's pictures; None if it was not measured or cannot be read."""
        try:
            return read_quality(info)
        except (OSError, ValueError):
            return None

    def quality_in_brief(self, info: CheckpointInfo) -> QualityInBrief | None:
        """The same as a list shows it, read once."""
        key = (_stamped(info.folder, MANIFEST), _found(info, QUALITY))
        if key not in self._quality:
            try:
                self._quality[key] = read_quality_in_brief(info)
            except (OSError, ValueError):
                return None
        return self._quality[key]

    def load(self, info: CheckpointInfo) -> Checkpoint:
        """The checkpoint, verified and loaded once for any number of requests; raises CheckpointError."""
        key = _stamped(info.folder, MANIFEST)
        with self._lock:
            cached = self._cache.get(key)
            if cached is not None:
                return cached
            loading = self._loading.setdefault(key, threading.Lock())
        with loading:
            with self._lock:
                cached = self._cache.get(key)
            if cached is None:
                cached = load_checkpoint(info)
            with self._lock:
                self._cache.put(key, cached)
                self._loading.pop(key, None)
        return cached

    def version(self, info: CheckpointInfo) -> Hashable:
        """A version that changes whenever the checkpoint's weights, factors or labels are written."""
        later = (_found(info, name)[1] for name in (FACTORS, LABELS, CHECKS, QUALITY, TEACHERS))
        return (*_stamped(info.folder, MANIFEST), *later)


def _size(checkpoint: Checkpoint) -> int:
    """Bytes of the weights and the clip."""
    networks = [checkpoint.model, checkpoint.actor_critic]
    weights = sum(tensor.nbytes for network in networks if network for tensor in network.state_dict().values())
    clip = checkpoint.clip
    masks = sum(array.nbytes for array in (clip.agent, clip.agent_part, clip.flow) if array is not None)
    return int(weights) + clip.image.nbytes + clip.action.nbytes + clip.factors.nbytes + masks


def _count_named(path: Path) -> int:
    """Counted in the text: parsing the whole table takes fifty times longer, and a list asks for thousands."""
    try:
        return len(_NAMED.findall(path.read_bytes()))
    except OSError:
        return 0


def _found(info: CheckpointInfo, name: str) -> Stamped:
    """The file that `info.found` names. A list asks this thousands of times."""
    own = _stamped(info.findings, name)
    return _stamped(info.folder, name) if own[1] is None and info.findings is not info.folder else own


def _stamped(folder: Path, name: str) -> Stamped:
    path = f"{folder}/{name}"
    try:
        return path, stamp_of(path)
    except FileNotFoundError:
        return path, None
