"""The request for a temporal traversal: which dimensions are held, at which values, and from which step on."""

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from backend.interpret.encoded import INACTIVE_KL
from backend.interpret.fields import Dims, Flag, Index, Number, Values
from backend.interpret.request import MAX_EDIT, ViewError, check_index, check_number, rows_of, view_request
from backend.interpret.rollout_request import MAX_FRAMES, StretchRequest

if TYPE_CHECKING:
    from backend.data.checkpoint import Checkpoint

MAX_ROWS = 40
MOST_BY_ITSELF = 8  # rows if none are chosen


@view_request
class TemporalRequest(StretchRequest):
    """One row per dimension, held from `step` on; without a step, from the end of the context on.

    dims: None takes the eight with the highest KL. sigmas: where a dimension is held, in standard deviations of the
    aggregate posterior around its mean. hold: dimensions with other held values. together: one more row,
    with all of them held at once.
    """

    kind = "temporal"
    written: ClassVar[Mapping[str, Any]] = {"seed": 0}

    dims: Annotated[
        Dims,
        Field(description="One row each: `active` (the eight that carry most), `all`, or `3,7` in this order."),
    ] = None
    sigmas: Annotated[
        Number,
        Field(
            description="Where they are held: mean plus so many standard deviations.",
            json_schema_extra={"minimum": -20, "maximum": 20},
        ),
    ] = 2.0
    step: Annotated[
        Index | None, Field(description="The first step that is edited; the first imagined one if not given.")
    ] = None
    together: Annotated[Flag, Field(description="One more row, with all of them held at once.")] = False
    hold: Annotated[Values, Field(description="`dim:value`, for dimensions that are held elsewhere.")] = field(
        default_factory=dict
    )

    @property
    def since(self) -> int:
        """The first step that is edited."""
        return self.context if self.step is None else self.step

    def check(self, checkpoint: "Checkpoint") -> tuple[int, ...]:
        """The dimensions of the rows; raises ViewError unless this checkpoint can answer."""
        self.rollout.check(checkpoint)
        check_index("step", self.since, self.steps, "step")
        check_number("sigmas", self.sigmas, -20, 20, "the distance in sigmas")
        dims = self._rows(checkpoint)
        if not dims or len(dims) > MAX_ROWS or len(set(dims)) < len(dims):
            raise ViewError("dims", f"needs 1 to {MAX_ROWS} dimensions, each once")
        frames = self.steps * (len(dims) + 2)
        if frames > MAX_FRAMES:
            raise ViewError("dims", f"{frames} frames are more than {MAX_FRAMES}; use fewer dims or steps")
        return dims

    def check_dims(self, latents: int) -> tuple[int, ...] | None:
        """The named dimensions of a model with the given number of them; raises ViewError."""
        for dim, value in self.hold.items():
            check_index("hold", dim, latents, "dimension")
            check_number("hold", value, -MAX_EDIT, MAX_EDIT, f"the value of dimension {dim}")
        return rows_of(self.dims, latents)

    def _rows(self, checkpoint: "Checkpoint") -> tuple[int, ...]:
        named = self.check_dims(checkpoint.model.config.latents)
        if named is not None:
            return (*named, *(dim for dim in self.hold if dim not in named))
        if self.hold:
            return tuple(self.hold)
        kl = checkpoint.statistics.kl.tolist()
        ordered = sorted(range(len(kl)), key=lambda dim: -kl[dim])
        return tuple([dim for dim in ordered if kl[dim] >= INACTIVE_KL][:MOST_BY_ITSELF] or ordered[:MOST_BY_ITSELF])
