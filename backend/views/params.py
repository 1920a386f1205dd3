"""The query of a view, read strictly: an address becomes a request, or a refusal that names the range."""

import math
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.config import JsonDict

from backend.data.checkpoint import CheckpointInfo
from backend.export.options import FIGURE_FORMATS, FILM_FORMATS, TABLE_FORMATS, WIDTHS, ExportOptions
from backend.http.problems import Fault, Problem, short
from backend.interpret.request import MAX_CELLS, MAX_COLUMNS, TraversalRequest, ViewError
from backend.interpret.rollout_request import MAX_FRAMES, MAX_HORIZON, MAX_SAMPLES, RolloutRequest, parse_edits

TRAVERSAL_FORMATS = ("json", *FIGURE_FORMATS, *FILM_FORMATS, *TABLE_FORMATS, "html", "zip")
ATLAS_FORMATS = ("json", "jpeg", "webp", "png")
ROLLOUT_FORMATS = ("json", *FILM_FORMATS, *FIGURE_FORMATS, *TABLE_FORMATS)
MAX_INDEX = 10_000_000
_WHOLE = re.compile(r"-?[0-9]{1,19}")
_NUMBER = re.compile(r"-?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][+-]?[0-9]{1,3})?")


def _read_whole(value: object) -> object:
    """Digits become an integer; 1.5, 1e3, " 1", 1_000 and true do not."""
    if not isinstance(value, str):
        return value
    if not _WHOLE.fullmatch(value):
        raise ValueError(f"must be a whole number, got {short(value)}")
    return int(value)


def _read_number(value: object) -> object:
    """A finite decimal number; NaN, Infinity and 1e999 are not."""
    if not isinstance(value, str):
        return value
    if not _NUMBER.fullmatch(value) or not math.isfinite(float(value)):
        raise ValueError(f"must be a finite number, got {short(value)}")
    return float(value)


def _read_flag(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value not in ("true", "false"):
        raise ValueError(f"must be true or false, got {short(value)}")
    return value == "true"


def _known_width(value: float) -> float:
    if value not in WIDTHS:
        raise ValueError(f"must be one of {', '.join(map(str, WIDTHS))} inches, got {value:g}")
    return value


Whole = Annotated[int, BeforeValidator(_read_whole), Field(strict=True)]
Seed = Annotated[Whole, Field(ge=0, le=2**63 - 1)]
Index = Annotated[Whole, Field(ge=0, le=MAX_INDEX)]
Number = Annotated[float, BeforeValidator(_read_number), Field(allow_inf_nan=False)]
Width = Annotated[Number, AfterValidator(_known_width)]
Flag = Annotated[bool, BeforeValidator(_read_flag), Field(strict=True)]

_ODD: JsonDict = {"minimum": 1, "maximum": MAX_COLUMNS, "not": {"multipleOf": 2}}
_DIMS: JsonDict = {"pattern": r"^(active|all|[0-9]{1,4}(,[0-9]{1,4}){0,255})$"}
_EDITS: JsonDict = {"pattern": r"^$|^[0-9]{1,4}:[^:,]{1,40}(,[0-9]{1,4}:[^:,]{1,40}){0,255}$"}


class FrameQuery(BaseModel):
    """The base frame of a view and how far its columns reach."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    episode: Index = Field(0, description="Episode of the clip or data set.")
    frame: Index | None = Field(None, description="Frame of the episode; the middle one if not given.")
    mode: Literal["sigma", "fixed", "quantile", "minmax", "offset"] = Field("sigma", description="What `range` counts.")
    extent: Number | None = Field(
        None,
        alias="range",
        json_schema_extra={"exclusiveMinimum": 0, "maximum": 100},
        description="Standard deviations (sigma), latent units (fixed, offset) or per cent (quantile).",
    )
    columns: Whole = Field(7, json_schema_extra=_ODD, description="An odd number of values, in equal steps.")
    history: Flag = Field(True, description="Whether the frames before the base frame have been seen.")
    base: Literal["clip", "dataset", "picture", "prior"] = Field(
        "clip", description="A frame of the clip or of a data set, a picture of yours, or the prior's mean."
    )
    source: str = Field("", max_length=200, description="Id of the data set, or of the picture: see `POST /pictures`.")
    edits: str = Field("", max_length=4000, json_schema_extra=_EDITS, description="`dim:value`, set in every cell.")

    def traversal(self, info: CheckpointInfo, dims: tuple[int, ...] | None) -> TraversalRequest:
        """What interpret is asked; raises Problem or ViewError where it cannot be answered."""
        request = TraversalRequest(
            episode=self.episode,
            frame=self.frame,
            dims=dims,
            mode=self.mode,
            extent=self.extent,
            columns=self.columns,
            history=self.history,
            base=self.base,
            source=self.source,
            edits=read_edits(self.edits, info.latents),
        )
        refuse_over_budget(cells_of(request, info), MAX_CELLS, "query:columns", "cells")
        request.check(info.latents, MAX_INDEX + 1, MAX_INDEX + 1)
        return request


class TraversalQuery(FrameQuery):
    """A traversal grid."""

    dims: str = Field(
        "active",
        max_length=2000,
        json_schema_extra=_DIMS,
        description="`active` (by KL), `all`, or `3,7` in this order.",
    )

    def request(self, info: CheckpointInfo) -> TraversalRequest:
        """What interpret is asked; raises Problem or ViewError where it cannot be answered."""
        return self.traversal(info, read_dims(self.dims, info.latents))


class AtlasQuery(FrameQuery):
    """Every dimension at every value."""

    columns: Whole = Field(11, json_schema_extra=_ODD, description="An odd number of values, in equal steps.")

    def request(self, info: CheckpointInfo) -> TraversalRequest:
        """What interpret is asked; raises Problem or ViewError where it cannot be answered."""
        return self.traversal(info, tuple(range(info.latents)))


class RenderQuery(BaseModel):
    """How a file is drawn."""

    model_config = ConfigDict(frozen=True)

    fps: Number = Field(10.0, ge=1, le=50, description="Pictures a second of an animation.")
    width: Width = Field(5.5, json_schema_extra={"enum": list(WIDTHS)}, description="Inches of a figure.")
    upscale: Whole = Field(2, ge=1, le=8, description="Pixels of a file for each pixel of the model.")
    pingpong: Flag = Field(True, description="Forth and back.")
    captions: Flag = Field(True, description="Names beside the rows.")
    loop: Flag = Field(True, description="Whether an animation begins again.")
    footprint: Flag = Field(True, description="Whether a figure ends with where each row changes.")
    title: Flag = Field(True, description="Whether a figure says on top what it shows.")
    chroma: Literal["420", "444"] = Field(
        "420", description="Of MP4 and WebM: 420 plays everywhere, 444 keeps a colour for each pixel at any upscale."
    )
    format: str | None = Field(None, max_length=20, description="The kind of file; else `Accept` decides.")

    def options(self) -> ExportOptions:
        """The knobs of the export."""
        return ExportOptions(
            width=self.width,
            fps=self.fps,
            upscale=self.upscale,
            pingpong=self.pingpong,
            captions=self.captions,
            loop=self.loop,
            footprint=self.footprint,
            title=self.title,
            chroma=self.chroma,
        )


class TraversalFileQuery(TraversalQuery, RenderQuery):
    """A traversal and the file that it is wanted as."""

    format: str | None = Field(
        None, max_length=20, json_schema_extra={"enum": list(TRAVERSAL_FORMATS)}, description="Else `Accept` decides."
    )


class AtlasFileQuery(AtlasQuery):
    """An atlas, as JSON or as the picture alone."""

    format: str | None = Field(
        None, max_length=20, json_schema_extra={"enum": list(ATLAS_FORMATS)}, description="Else `Accept` decides."
    )


class RolloutQuery(BaseModel):
    """A stretch of an episode observed, then imagined, perhaps with edits."""

    model_config = ConfigDict(frozen=True)

    episode: Index = Field(0, description="Episode of the checkpoint's clip.")
    context: Index = Field(5, json_schema_extra={"minimum": 1}, description="Steps observed.")
    horizon: Index = Field(25, json_schema_extra={"minimum": 1, "maximum": MAX_HORIZON}, description="Steps imagined.")
    actions: Literal["recorded", "policy", "zero"] = Field("recorded", description="What the agent does meanwhile.")
    samples: Index = Field(1, json_schema_extra={"minimum": 1, "maximum": MAX_SAMPLES}, description="1: the mean.")
    seed: Seed = Field(0, description="Of the samples; the same seed gives the same bytes on the CPU.")
    edit: str = Field("", max_length=2000, description="`dim:value@step`, with `+` to hold it; several by commas.")

    def request(self, given: tuple[tuple[float, ...], ...] = ()) -> RolloutRequest:
        """What interpret is asked; raises Problem or ViewError where it cannot be answered."""
        frames = (self.context + self.horizon) * (self.samples + 2)
        refuse_over_budget(frames, MAX_FRAMES, "query:horizon", "frames")
        return RolloutRequest(
            episode=self.episode,
            context=self.context,
            horizon=self.horizon,
            actions="given" if given else self.actions,
            given=given,
            samples=self.samples,
            seed=self.seed,
            edits=parse_edits(self.edit),
        )


class ScoresQuery(BaseModel):
    """How much of each episode is observed, and how far the model imagines."""

    model_config = ConfigDict(frozen=True)

    context: Index = Field(5, json_schema_extra={"minimum": 1}, description="Steps observed.")
    horizon: Index = Field(25, json_schema_extra={"minimum": 1, "maximum": MAX_HORIZON}, description="Steps imagined.")

    def request(self) -> RolloutRequest:
        """What interpret is asked; raises Problem where it costs too much."""
        refuse_over_budget((self.context + self.horizon) * 3, MAX_FRAMES, "query:horizon", "frames")
        return RolloutRequest(context=self.context, horizon=self.horizon)


class RolloutFileQuery(RolloutQuery, RenderQuery):
    """A rollout and the file that it is wanted as."""

    format: str | None = Field(
        None, max_length=20, json_schema_extra={"enum": list(ROLLOUT_FORMATS)}, description="Else `Accept` decides."
    )


def cells_of(request: TraversalRequest, info: CheckpointInfo) -> int:
    """Cells that a view has at most: what it costs."""
    rows = info.latents if request.dims is None else len(request.dims)
    return max(rows * request.columns, 1)


def read_dims(text: str, latents: int) -> tuple[int, ...] | None:
    """ "active" -> None, "all" -> every dimension, "3,7" -> (3, 7); raises ViewError naming the range."""
    if text == "active":
        return None
    if text == "all":
        return tuple(range(latents))
    return tuple(_dim("dims", part, latents) for part in text.split(","))


def read_edits(text: str, latents: int) -> dict[int, float]:
    """ "3:1.5,7:-2" -> {3: 1.5, 7: -2.0}; raises ViewError."""
    edits: dict[int, float] = {}
    for part in text.split(",") if text else ():
        dim_text, colon, value_text = part.partition(":")
        if not colon:
            raise ViewError("edits", f"{short(part)} is not of the form dim:value")
        dim = _dim("edits", dim_text, latents)
        if dim in edits:
            raise ViewError("edits", f"dimension {dim} is edited twice")
        edits[dim] = _value("edits", value_text)
    return edits


def refuse_over_budget(cost: int, limit: int, pointer: str, unit: str) -> None:
    """422 with cost and limit for a query that is too dear to be answered at once."""
    if cost > limit:
        raise Problem(
            422,
            "over-budget",
            f"This query costs {cost:,} {unit}; the limit is {limit:,}.",
            remedy="Ask for fewer dims, columns or steps.",
            errors=[Fault(pointer, f"{cost:,} {unit} are more than {limit:,}")],
            extra={"cost": cost, "limit": limit},
        )


def refused_view(error: ViewError, place: str = "query:") -> Problem:
    """422 for a view that cannot be made; `place` comes before the field's name."""
    return Problem(
        422,
        "invalid-view",
        f"{error.field}: {error.message}",
        remedy="Choose a value that the message allows; GET /api/v1/checkpoints/{id} shows dimensions and clip.",
        errors=[Fault(f"{place}{error.field}", error.message)],
    )


def _dim(field: str, text: str, latents: int) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text) or int(text) >= latents:
        raise ViewError(field, f"there is no dimension {short(text)}; take 0 to {latents - 1}")
    return int(text)


def _value(field: str, text: str) -> float:
    if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        raise ViewError(field, f"{short(text)} is not a finite number")
    return float(text)
