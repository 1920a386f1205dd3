"""What the routes are handed: settings, loaded checkpoints, the workshop; and what every query must keep to."""

import json
import math
import threading
import time
from collections.abc import Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel

from backend.data.catalogue import find_checkpoint, list_checkpoints
from backend.data.checkpoint import CHECKS, FACTORS, LABELS, Checkpoint, CheckpointInfo, load_checkpoint
from backend.data.files import MANIFEST
from backend.errors import Fault, Problem, nearest, short
from backend.settings import Settings
from backend.workshop import ByteCache, Studies, Workshop

CHECKPOINT_BYTES = 1 << 30
LISTED_SECONDS = 0.5


class Library:
    """Checkpoints: what there is, and those used last in memory. Safe to use from many threads."""

    def __init__(self, home: Path, limit: int = CHECKPOINT_BYTES) -> None:
        self.home = home
        self._cache: ByteCache[Checkpoint] = ByteCache(limit, _size)
        self._lock = threading.Lock()
        self._loading: dict[Hashable, threading.Lock] = {}
        self._looking = threading.Lock()
        self._listed: tuple[float, list[CheckpointInfo]] = (-math.inf, [])
        self._named: dict[Hashable, int] = {}

    @property
    def used_bytes(self) -> int:
        """Memory that the loaded checkpoints take."""
        return self._cache.used

    def list(self, *, fresh: bool = True) -> list[CheckpointInfo]:
        """Every checkpoint, newest first; unless `fresh`, as it was up to LISTED_SECONDS ago."""
        if not fresh:
            with self._looking:  # of many who ask at once, one looks and the others see what it saw
                at, listed = self._listed
                return listed if time.monotonic() - at <= LISTED_SECONDS else self.list()
        listed = list_checkpoints(self.home)
        self._listed = (time.monotonic(), listed)
        return listed

    def recall(self, id: str) -> CheckpointInfo | None:
        """A checkpoint that was listed within LISTED_SECONDS; never touches the disk."""
        at, listed = self._listed
        if time.monotonic() - at > LISTED_SECONDS:
            return None
        return next((info for info in listed if info.id == id), None)

    def find(self, reference: str) -> CheckpointInfo:
        """What the catalogue says of a checkpoint, by id or name; raises NotFound."""
        listed = self.list(fresh=False)
        return next((info for info in listed if info.id == reference), None) or find_checkpoint(self.home, reference)

    def named(self, info: CheckpointInfo) -> int:
        """How many dimensions have a factor of their own; 0 where factors have not been computed."""
        path = info.found(FACTORS)
        key = (path, _stamp(path))
        if key not in self._named:
            self._named[key] = _count_named(path)
        return self._named[key]

    def load(self, info: CheckpointInfo) -> Checkpoint:
        """The checkpoint, verified and loaded once however many ask; raises CheckpointError."""
        key = (info.folder, _stamp(info.folder / MANIFEST))
        with self._lock:
            kept = self._cache.get(key)
            if kept is not None:
                return kept
            loading = self._loading.setdefault(key, threading.Lock())
        with loading:
            with self._lock:
                kept = self._cache.get(key)
            if kept is None:
                kept = load_checkpoint(info)
            with self._lock:
                self._cache.put(key, kept)
                self._loading.pop(key, None)
        return kept

    def version(self, info: CheckpointInfo) -> Hashable:
        """Changes whenever an answer about this checkpoint may: its weights, factors or labels were written."""
        files = (info.folder / MANIFEST, *map(info.found, (FACTORS, LABELS, CHECKS)))
        return (info.folder, *(_stamp(path) for path in files))


@dataclass(frozen=True)
class Services:
    """Everything one API process holds."""

    settings: Settings
    library: Library
    workshop: Workshop
    studies: Studies
    intake: ThreadPoolExecutor  # uploads are read here
    writing: threading.Lock  # held while labels are changed

    @classmethod
    def of(cls, settings: Settings) -> "Services":
        """Fresh services; `close` ends their threads."""
        return cls(
            settings, Library(settings.home), Workshop(), Studies(), ThreadPoolExecutor(2, "intake"), threading.Lock()
        )

    @property
    def home(self) -> Path:
        """Where all state lies."""
        return self.settings.home

    def close(self) -> None:
        """Ends the threads."""
        self.workshop.close()
        self.studies.close()
        self.intake.shutdown(wait=False, cancel_futures=True)


async def _services(request: Request) -> Services:
    services = request.app.state.services
    assert isinstance(services, Services)
    return services


Serving = Annotated[Services, Depends(_services)]


async def refuse_unknown_parameters(request: Request) -> None:
    """422 for a query parameter that the route does not have, or that stands twice."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    known = _query_names(route.dependant)
    given = [name for name, _ in request.query_params.multi_items()]
    faults = [
        Fault(f"query:{name[:80]}", "there is no such parameter here", nearest(name, known))
        for name in dict.fromkeys(given)
        if name not in known
    ]
    faults += [
        Fault(f"query:{name}", "stands twice")
        for name in dict.fromkeys(given)
        if name in known and given.count(name) > 1
    ]
    if faults:
        names = ", ".join(sorted(known)) or "none"
        raise Problem(
            422,
            "invalid-input",
            f"{faults[0].pointer}: {faults[0].detail}",
            remedy=f"The parameters of this path are: {names}.",
            errors=faults,
        )


def whole_number(text: str, pointer: str, low: int, high: int) -> int:
    """A plain decimal integer in a path or query; raises Problem 422 naming the range."""
    if text.removeprefix("-").isascii() and text.removeprefix("-").isdigit() and len(text) <= 12:
        value = int(text)
        if low <= value <= high:
            return value
    raise Problem(
        422,
        "invalid-input",
        f"{pointer}: must be a whole number from {low} to {high}, got {short(text)}",
        remedy=f"Use a number from {low} to {high}.",
        errors=[Fault(pointer, f"must be a whole number from {low} to {high}")],
    )


def _query_names(dependant: Dependant) -> set[str]:
    """The query parameters that a route and its dependencies declare, one by one or as a model."""
    names: set[str] = set()
    for parameter in dependant.query_params:
        model = parameter.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            names |= {field.alias or name for name, field in model.model_fields.items()}
        else:
            names.add(parameter.alias)
    return names.union(*(_query_names(inner) for inner in dependant.dependencies))


def _size(checkpoint: Checkpoint) -> int:
    """Bytes of the weights and the clip."""
    networks = [checkpoint.model, checkpoint.actor_critic]
    weights = sum(tensor.nbytes for network in networks if network for tensor in network.state_dict().values())
    clip = checkpoint.clip
    return int(weights) + clip.image.nbytes + clip.action.nbytes + clip.factors.nbytes


def _count_named(path: Path) -> int:
    try:
        return sum(entry["status"] == "named" for entry in json.loads(path.read_bytes())["dimensions"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size
