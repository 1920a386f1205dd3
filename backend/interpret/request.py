"""What a reader asks to see of a traversal, checked before anything is computed."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from models.traversal import RANGE_MODES

BASES = ("clip", "dataset", "picture", "prior")
NAMED_BASES = ("dataset", "picture")  # `source` says which
DEFAULT_EXTENT = {"sigma": 2.0, "fixed": 3.0, "quantile": 90.0, "minmax": 1.0, "offset": 9.0}
MAX_EXTENT = {"sigma": 20.0, "fixed": 100.0, "quantile": 100.0, "minmax": 1.0, "offset": 100.0}
MAX_COLUMNS = 33
MAX_LATENTS = 256
MAX_CELLS = MAX_LATENTS * MAX_COLUMNS  # every dimension of the largest model that can be trained here
MAX_FILE_CELLS = 1_000  # of a figure or a film, which people look at as a whole
MAX_EDIT = 1_000.0


class ViewError(ValueError):
    """A view that cannot be made: which field of the request is wrong, and what it may be."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


@dataclass(frozen=True)
class TraversalRequest:
    """One view: its base frame, its rows and the values of its columns.

    dims: rows from top to bottom; None shows the active dimensions by KL. extent: how far `mode` reaches (see
    `models.traversal.row_values`); None takes what suits the mode. base: a frame of the checkpoint's clip or of a
    data set, a person's own picture, or the prior's mean; `source` is the id of the data set or picture. frame: None is
    the middle one of the episode, which has a history and a future. history:
    whether the frames before the base frame have been seen. edits: dimension -> value, set in every cell.
    """

    episode: int = 0
    frame: int | None = None
    dims: tuple[int, ...] | None = None
    mode: str = "sigma"
    extent: float | None = None
    columns: int = 7
    history: bool = True
    base: str = "clip"
    source: str = ""
    edits: Mapping[int, float] = field(default_factory=dict)

    @property
    def reach(self) -> float:
        """The extent that applies."""
        return DEFAULT_EXTENT[self.mode] if self.extent is None else float(self.extent)

    def settled(self, frames: int) -> "TraversalRequest":
        """The request with the frame that applies, in an episode of T frames."""
        return self if self.frame is not None else replace(self, frame=frames // 2)

    def check(self, latents: int, episodes: int, frames: int) -> None:
        """Raises ViewError unless a model of Z latents and a clip of E episodes of T frames can answer."""
        _check_range(self)
        if self.base not in BASES:
            raise ViewError("base", f"{self.base!r} is not one of {', '.join(BASES)}")
        if self.source and self.base not in NAMED_BASES:
            raise ViewError("source", f"names a data set or a picture, the base is {self.base}")
        if self.base == "clip":
            check_index("episode", self.episode, episodes, "episode")
            check_index("frame", self.settled(frames).frame, frames, "frame")
        for dim in self.dims or ():
            check_index("dims", dim, latents, "dimension")
        if self.dims is not None and not self.dims:
            raise ViewError("dims", "no dimension is chosen")
        if self.dims is not None and len(set(self.dims)) < len(self.dims):
            raise ViewError("dims", f"{_twice(self.dims)} is listed twice")
        for dim, value in self.edits.items():
            check_index("edits", dim, latents, "dimension")
            check_number("edits", value, -MAX_EDIT, MAX_EDIT, f"the value of dimension {dim}")
        cells = (latents if self.dims is None else len(self.dims)) * self.columns
        if cells > MAX_CELLS:
            raise ViewError("columns", f"{cells} cells are more than {MAX_CELLS}; take fewer columns or dims")

    def to_json(self) -> dict[str, Any]:
        """The request as the query of the HTTP route names it; what metadata and bundles carry."""
        return {
            "episode": self.episode,
            "frame": self.frame,
            "dims": None if self.dims is None else list(self.dims),
            "mode": self.mode,
            "range": self.reach,
            "columns": self.columns,
            "history": self.history,
            "base": self.base,
            "source": self.source,
            "edits": {str(dim): value for dim, value in sorted(self.edits.items())},
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "TraversalRequest":
        """What `to_json` wrote; missing keys keep their defaults, unknown ones raise ViewError."""
        known = {"episode", "frame", "dims", "mode", "range", "columns", "history", "base", "source", "edits"}
        if unknown := sorted(values.keys() - known):
            raise ViewError(unknown[0], f"is not part of a view; known are {', '.join(sorted(known))}")
        given = {key: value for key, value in values.items() if key not in ("range", "dims", "edits")}
        dims, edits = values.get("dims"), values.get("edits") or {}
        return cls(
            **given,
            extent=values.get("range"),
            dims=None if dims is None else tuple(dims),
            edits={int(dim): value for dim, value in edits.items()},
        )


def check_index(field: str, value: object, count: int, kind: str) -> None:
    """Raises ViewError unless the value is an integer of 0..count-1; `kind` says what is counted."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < count:
        raise ViewError(field, f"there is no {kind} {value!r}; take 0 to {count - 1}")


def check_number(field: str, value: object, low: float, high: float, what: str) -> None:
    """Raises ViewError unless the value is a finite number of the interval, which `what` names.

    A number that reads like a bound of the sentence passes, so that who heeds it is not refused again.
    """
    number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    if not low <= number <= high and f"{number:g}" not in (f"{low:g}", f"{high:g}"):  # both hold for NaN
        raise ViewError(field, f"{what} goes from {low:g} to {high:g}; {value!r} lies outside")


def _check_range(request: TraversalRequest) -> None:
    if request.mode not in RANGE_MODES:
        raise ViewError("mode", f"{request.mode!r} is not one of {', '.join(RANGE_MODES)}")
    if request.extent is not None:
        check_number("range", request.extent, 0, MAX_EXTENT[request.mode], f"the range of mode {request.mode}")
        if request.extent == 0:
            raise ViewError("range", "must be above 0")
    columns = request.columns
    if isinstance(columns, bool) or not isinstance(columns, int) or columns % 2 == 0 or not 1 <= columns <= MAX_COLUMNS:
        raise ViewError("columns", f"{columns!r} is not an odd number from 1 to {MAX_COLUMNS}")


def _twice(dims: Sequence[int]) -> int:
    return next(dim for dim in dims if dims.count(dim) > 1)
