"""The request for a traversal, checked before anything is computed."""

from collections.abc import Sequence
from dataclasses import field, replace
from typing import Annotated, Literal, get_args

from pydantic import Field, SerializerFunctionWrapHandler, field_serializer
from pydantic.config import JsonDict

from backend.interpret.fields import Dims, Flag, Id, Index, Named, Number, Values, Whole
from backend.interpret.request import MAX_EDIT, ViewError, ViewRequest, check_index, check_number, rows_of, view_request

Mode = Literal["sigma", "fixed", "quantile", "minmax", "offset"]
Base = Literal["clip", "dataset", "picture", "prior"]
BASES: tuple[str, ...] = get_args(Base)
NAMED_BASES = ("dataset", "picture")  # `source` says which
DEFAULT_EXTENT = {"sigma": 2.0, "fixed": 3.0, "quantile": 90.0, "minmax": 1.0, "offset": 9.0}
MAX_EXTENT = {"sigma": 20.0, "fixed": 100.0, "quantile": 100.0, "minmax": 1.0, "offset": 100.0}
MAX_COLUMNS = 33
MAX_LATENTS = 256
MAX_CELLS = MAX_LATENTS * MAX_COLUMNS  # every dimension of the largest model that can be trained here
MAX_FILE_CELLS = 1_000  # for a figure or a film, which people look at as a whole
_ODD: JsonDict = {"minimum": 1, "maximum": MAX_COLUMNS, "not": {"multipleOf": 2}}
_REACH: JsonDict = {"exclusiveMinimum": 0, "maximum": 100}


@view_request
class TraversalRequest(ViewRequest):
    """One view: its base frame, its rows and the values of its columns.

    dims: rows from top to bottom; None shows the active dimensions by KL. extent: how far `mode` reaches (see
    `models.traversal.row_values`); None takes the mode's default. base: a frame of the checkpoint's clip or of a
    data set, a person's own picture, or the prior's mean; `source` is the id of the data set or picture. frame: None is
    the middle one of the episode, which has a history and a future. history: whether the frames before the base frame
    have been seen. edits: dimension -> value, set in every cell.
    """

    kind = "traversal"

    episode: Annotated[Index, Field(description="Episode of the clip or data set.")] = 0
    frame: Annotated[Index | None, Field(description="Frame of the episode; the middle one if not given.")] = None
    mode: Annotated[Mode, Field(description="What `range` counts.")] = "sigma"
    columns: Annotated[Whole, Field(description="An odd number of values, in equal steps.", json_schema_extra=_ODD)] = 7
    base: Annotated[
        Base, Field(description="A frame of the clip or of a data set, a picture of yours, or the prior's mean.")
    ] = "clip"
    source: Annotated[Id, Field(description="Id of the data set, or of the picture: see `POST /pictures`.")] = ""
    dims: Annotated[Dims, Field(description="`active` (by KL), `all`, or `3,7` in this order.")] = None
    extent: Annotated[
        Number | None,
        Named("range"),
        Field(
            description="Standard deviations (sigma), latent units (fixed, offset) or per cent (quantile).",
            json_schema_extra=_REACH,
        ),
    ] = None
    history: Annotated[Flag, Field(description="Whether the frames before the base frame have been seen.")] = True
    edits: Annotated[Values, Field(description="`dim:value`, set in every cell.")] = field(default_factory=dict)

    @property
    def reach(self) -> float:
        """The extent that applies."""
        return DEFAULT_EXTENT[self.mode] if self.extent is None else float(self.extent)

    def settled(self, frames: int) -> "TraversalRequest":
        """The request with the frame that applies, in an episode of T frames."""
        return self if self.frame is not None else replace(self, frame=frames // 2)

    def rows(self, latents: int) -> tuple[int, ...] | None:
        """The requested dimensions of a model with Z latents; None for the active ones. Raises ViewError."""
        return rows_of(self.dims, latents)

    def check(self, latents: int, episodes: int, frames: int) -> None:
        """Raises ViewError unless a model of Z latents and a clip of E episodes of T frames can answer."""
        _check_range(self)
        if self.source and self.base not in NAMED_BASES:
            raise ViewError("source", f"names a data set or a picture, the base is {self.base}")
        if self.base == "clip":
            check_index("episode", self.episode, episodes, "episode")
            check_index("frame", self.settled(frames).frame, frames, "frame")
        dims = self.rows(latents)
        if dims is not None and not dims:
            raise ViewError("dims", "no dimension is chosen")
        if dims is not None and len(set(dims)) < len(dims):
            raise ViewError("dims", f"{_twice(dims)} is listed twice")
        for dim, value in self.edits.items():
            check_index("edits", dim, latents, "dimension")
            check_number("edits", value, -MAX_EDIT, MAX_EDIT, f"the value of dimension {dim}")
        cells = self.cells(latents)
        if cells > MAX_CELLS:
            raise ViewError("columns", f"{cells} cells are more than {MAX_CELLS}; use fewer columns or dims")

    def cells(self, latents: int) -> int:
        """The most cells that a view can have: its cost."""
        dims = self.rows(latents)
        return max((latents if dims is None else len(dims)) * self.columns, 1)

    def options(self) -> dict[str, str | bool]:
        """As options of the command line: data set and picture have separate options."""
        options = super().options()
        source = options.pop("source", None)
        if source is None:
            return options
        return {
            self.base if name == "base" else name: source if name == "base" else text for name, text in options.items()
        }

    @field_serializer("extent", mode="wrap")
    def _resolved(self, _value: float | None, _handler: SerializerFunctionWrapHandler) -> float:
        return self.reach


@view_request
class AtlasRequest(TraversalRequest):
    """Every dimension at every value."""

    kind = "atlas"
    hidden = ("dims",)

    columns: Annotated[Whole, Field(description="An odd number of values, in equal steps.", json_schema_extra=_ODD)] = (
        11
    )


def _check_range(request: TraversalRequest) -> None:
    if request.extent is not None:
        check_number("range", request.extent, 0, MAX_EXTENT[request.mode], f"the range of mode {request.mode}")
        if request.extent == 0:
            raise ViewError("range", "must be above 0")
    columns = request.columns
    if columns % 2 == 0 or not 1 <= columns <= MAX_COLUMNS:
        raise ViewError("columns", f"{columns!r} is not an odd number from 1 to {MAX_COLUMNS}")


def _twice(dims: Sequence[int]) -> int:
    return next(dim for dim in dims if dims.count(dim) > 1)
