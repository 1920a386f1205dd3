"""How a kind of view is made: its cost, its sources besides the checkpoint, and the view itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from backend.data.catalogue import NotFound
from backend.data.checkpoint import Checkpoint, CheckpointInfo
from backend.data.episodes import DatasetInfo
from backend.export.options import ExportOptions
from backend.interpret.base import BaseFrames
from backend.interpret.request import ViewError
from backend.interpret.traversal_request import TraversalRequest
from backend.views.catalogue import Kind

if TYPE_CHECKING:
    from backend.export.render import ExportedFile


class Store(Protocol):
    """Where checkpoints and data sets are found: by id, for a command also by path."""

    home: Path

    def find(self, reference: str) -> CheckpointInfo:
        """A checkpoint; raises NotFound."""

    def load(self, info: CheckpointInfo) -> Checkpoint:
        """The checkpoint itself; raises CheckpointError."""

    def dataset(self, reference: str) -> DatasetInfo:
        """A data set; raises NotFound."""

    def frames(self, request: TraversalRequest) -> BaseFrames | None:
        """The frames that a traversal starts from, where they are not the clip's; raises ViewError."""


class Sources(NamedTuple):
    """What a view needs in addition to its own checkpoint."""

    checkpoints: tuple[CheckpointInfo, ...] = ()
    dataset: DatasetInfo | None = None


@dataclass(frozen=True)
class View:
    """A finished view: its JSON and its files. request: as in the files' metadata, all names resolved."""

    request: Mapping[str, Any]
    to_json: Callable[[], dict[str, Any]]
    to_file: Callable[[str, ExportOptions], "ExportedFile"]


class Ingredients(NamedTuple):
    """Everything that a view is made from."""

    checkpoint: Checkpoint
    others: Sequence[Checkpoint]
    dataset: DatasetInfo | None
    store: Store


class Budget(NamedTuple):
    """The cost of a view and its limit; `field` is the one to reduce."""

    cost: int
    limit: int
    field: str
    unit: str


class Conflict(NamedTuple):
    """The message if the checkpoint is the reason that a view cannot be made."""

    type: str
    remedy: str


def needs_nothing(_info: CheckpointInfo, _request: Any, _store: Store) -> Sources:
    """The sources of most views."""
    return Sources()


def is_quick(_info: CheckpointInfo, _request: Any, _sources: Sources) -> bool:
    """Whether a view takes seconds: most do not."""
    return False


def costs_little(_info: CheckpointInfo, _request: Any) -> Budget | None:
    """The budget of views that always cost the same."""
    return None


def fits(_info: CheckpointInfo, _request: Any, _store: Store) -> None:
    """The check of views that are checked while they are made."""


@dataclass(frozen=True)
class Builder:
    """How one kind of view is made.

    cost: in decoded cells, above 0. budget: what is refused by its cost alone. check: raises ViewError for what can be
    refused before anything is computed. sources: what is needed besides; raises ViewError, NotFound. long: whether it
    takes seconds. first: what has to be computed and kept before it can be asked. conflict: see there.
    """

    build: Callable[[Ingredients, Any], View]
    cost: Callable[[CheckpointInfo, Any, Sources], float]
    budget: Callable[[CheckpointInfo, Any], Budget | None] = costs_little
    check: Callable[[CheckpointInfo, Any, Store], None] = fits
    sources: Callable[[CheckpointInfo, Any, Store], Sources] = needs_nothing
    loads: bool = False  # whether `check` loads the checkpoint
    long: Callable[[CheckpointInfo, Any, Sources], bool] = is_quick
    first: tuple[str, ...] = ()
    conflict: Conflict | None = None

    @property
    def looks(self) -> bool:
        """Whether planning it may wait for the disk."""
        return self.sources is not needs_nothing or self.loads


def builder_of(kind: Kind) -> Builder:
    """How a kind is made."""
    module, _, name = kind.builder.partition(":")
    builder: Builder = getattr(import_module(module), name)
    return builder


def lacking(kind: Kind, *checkpoints: CheckpointInfo) -> str | None:
    """A capability that a kind of view needs and one of the checkpoints lacks, as the end of a sentence; else None."""
    lacks = (
        f"{info.name} {_LACKS[need]}"
        for info in checkpoints
        for need in kind.needs
        if not getattr(info.capabilities, need)
    )
    return next(lacks, None)


_LACKS = {
    "decodes": "draws no pictures",
    "imagines": "cannot imagine",
    "has_scales": "has latents that are classes or depend on the history, which no factor is measured against",
    "sees_context": "draws its states alone, without a frame beside them: only models with a context do otherwise",
    "has_latents": "has no latents that could be traversed or named: DreamerV2's image networks have none",
}


def make_view(builder: Builder, store: Store, info: CheckpointInfo, request: Any, sources: Sources) -> View:
    """The view; raises ViewError, CheckpointError."""
    others = [store.load(other) for other in sources.checkpoints]
    return builder.build(Ingredients(store.load(info), others, sources.dataset, store), request)


def named(store: Store, field: str, reference: str) -> CheckpointInfo:
    """A checkpoint that a field of a request names; raises ViewError."""
    try:
        return store.find(reference)
    except NotFound as error:
        raise ViewError(field, str(error)) from None
