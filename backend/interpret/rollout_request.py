"""Requests for rollouts of one checkpoint or several, checked before anything is computed."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from backend.interpret.fields import Edit, Edits, Ids, Index, Named, Rows, Seed
from backend.interpret.request import (
    MAX_EDIT,
    ViewError,
    ViewRequest,
    check_count,
    check_index,
    check_number,
    view_request,
)

if TYPE_CHECKING:
    from backend.data.checkpoint import Checkpoint

Actions = Literal["recorded", "policy", "zero"]
MAX_HORIZON = 500
MAX_SAMPLES = 16
MAX_FRAMES = 4_000
_COUNT = Field(description="Steps observed.", json_schema_extra={"minimum": 1})
_AHEAD = Field(description="Steps imagined.", json_schema_extra={"minimum": 1, "maximum": MAX_HORIZON})
_SAMPLES = Field(description="1: the mean.", json_schema_extra={"minimum": 1, "maximum": MAX_SAMPLES})
_DOES = Field(description="What the agent does during the rollout.")


@view_request
class StretchRequest(ViewRequest):
    """A stretch of an episode of the clip: `context` frames observed, then `horizon` steps imagined."""

    episode: Annotated[Index, Field(description="Episode of the checkpoint's clip.")] = 0
    context: Annotated[Index, _COUNT] = 5
    horizon: Annotated[Index, _AHEAD] = 25
    actions: Annotated[Actions, _DOES] = "recorded"

    @property
    def steps(self) -> int:
        """Context and horizon together."""
        return self.context + self.horizon

    @property
    def rollout(self) -> "RolloutRequest":
        """Only the stretch, following the mean."""
        return RolloutRequest(self.episode, self.context, self.horizon, self.actions)


@view_request
class RolloutRequest(ViewRequest):
    """Observe `context` frames of an episode of the clip, then imagine `horizon` steps.

    actions: the clip's, the policy's, zeros, or `given` (horizon rows of A numbers). samples: 1 follows the mean;
    more draw that many futures in addition with `seed`. edits: the branch that is compared with the unedited future.
    """

    kind = "rollout"

    episode: Annotated[Index, Field(description="Episode of the checkpoint's clip.")] = 0
    context: Annotated[Index, _COUNT] = 5
    horizon: Annotated[Index, _AHEAD] = 25
    actions: Annotated[Literal["recorded", "policy", "zero", "given"], _DOES] = "recorded"
    given: Annotated[Rows, Field(description="With `actions=given`: `0.1,-1;0,1`, one row per imagined step.")] = ()
    samples: Annotated[Index, _SAMPLES] = 1
    seed: Annotated[Seed, Field(description="Of the samples; the same seed gives the same bytes on the CPU.")] = 0
    edits: Annotated[
        Edits, Named("edit"), Field(description="`dim:value@step`, with `+` to hold it; several by commas.")
    ] = ()

    @property
    def steps(self) -> int:
        """Context and horizon together."""
        return self.context + self.horizon

    def check(self, checkpoint: "Checkpoint") -> None:
        """Raises ViewError unless this checkpoint can answer."""
        episodes, length = checkpoint.clip.image.shape[:2]
        check_index("episode", self.episode, episodes, "episode")
        check_count("context", self.context, length)
        check_count("horizon", self.horizon, MAX_HORIZON)
        check_count("samples", self.samples, MAX_SAMPLES)
        frames = self.steps * (self.samples + 2)
        if frames > MAX_FRAMES:
            raise ViewError("horizon", f"{frames} frames are more than {MAX_FRAMES}; use fewer steps or samples")
        for edit in self.edits:
            check_index("edit", edit.dim, checkpoint.model.config.latents, "dimension")
            check_index("edit", edit.step, self.steps, "step")
            check_number("edit", edit.value, -MAX_EDIT, MAX_EDIT, f"the value of dimension {edit.dim}")
        _check_actions(self, checkpoint, length)

    def to_json(self) -> dict[str, Any]:
        """As for every request, but without `given` if no actions are given."""
        values = super().to_json()
        return values if self.given else {name: value for name, value in values.items() if name != "given"}


@view_request
class ScoresRequest(ViewRequest):
    """How close rollouts come to the truth over the episodes of the clip."""

    kind = "scores"

    context: Annotated[Index, _COUNT] = 5
    horizon: Annotated[Index, _AHEAD] = 25

    @property
    def rollout(self) -> RolloutRequest:
        """The rollout of each episode."""
        return RolloutRequest(context=self.context, horizon=self.horizon)


@view_request
class TogetherRequest(StretchRequest):
    """One stretch imagined by several checkpoints, shown step by step next to each other."""

    kind = "together"
    written: ClassVar[Mapping[str, Any]] = {"samples": 1, "seed": 0, "edit": ""}

    others: Annotated[
        Ids,
        Named("with"),
        Field(
            description="Ids of further checkpoints, by commas, in the order of the rows; empty: those of the same run."
        ),
    ] = ()


def parse_edits(text: str) -> tuple[Edit, ...]:
    """`7:1.5@12,3:-2@12+` -> edits. Raises ViewError."""
    return RolloutRequest.read({"edit": text}).edits


def _check_actions(request: RolloutRequest, checkpoint: "Checkpoint", length: int) -> None:
    size = checkpoint.model.config.action_size
    if request.actions == "policy" and checkpoint.actor_critic is None:
        raise ViewError("actions", f"{checkpoint.info.name} has no policy; use recorded or zero actions")
    if size and checkpoint.clip.action.shape[2] != size:
        raise ViewError("actions", f"the clip has actions of size {checkpoint.clip.action.shape[2]}, the model {size}")
    if request.actions == "recorded" and size and request.steps > length:
        raise ViewError("horizon", f"the episode has {length} frames: context and horizon together are at most that")
    if request.given and request.actions != "given":
        raise ViewError("given", f"needs actions=given, the actions are {request.actions}")
    if request.actions == "given":
        if not request.given:
            raise ViewError("actions", "given takes the actions themselves: one row per imagined step, as `given`")
        if len(request.given) != request.horizon:
            raise ViewError("given", f"{len(request.given)} actions for {request.horizon} imagined steps")
        for row in request.given:
            if len(row) != size:
                raise ViewError("given", f"an action of {len(row)} numbers, the model takes {size}")
            for value in row:
                check_number("given", value, -1, 1, "every number of an action")
