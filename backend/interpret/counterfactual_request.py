"""The request for a counterfactual: which factor is set in the simulator, to what, and which dimension in the model."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from backend.envs.suite import SUITE_TASKS
from backend.interpret.fields import Index, Number, Seed
from backend.interpret.request import ViewError, ViewRequest, check_count, check_index, check_number, view_request

if TYPE_CHECKING:
    from backend.data.checkpoint import Checkpoint

SETTABLE = ("body_colour", "floor_colour", "background_colour", "light", "camera_angle")
MOST_STEPS = 200


@view_request
class CounterfactualRequest(ViewRequest):
    """Set `factor` to `to` on reaching `step`, and hold dimension `dim` in the model.

    to: None takes the farther end of the factor's range in the clip. dim: None takes the dimension that
    goes with the factor most. step: None takes the first imagined one. seed: of the simulated episode. actions:
    those of an episode of the clip, or zeros.
    """

    kind = "counterfactual"

    factor: Annotated[
        str, Field(max_length=80, pattern=r"^[A-Za-z0-9_]+$", description="What is changed, such as `light`.")
    ]
    to: Annotated[
        Number | None, Field(description="Its new value, of the clip's range; the farther end if not given.")
    ] = None
    dim: Annotated[Index | None, Field(description="The dimension that is edited; the factor's own if not given.")] = (
        None
    )
    seed: Annotated[Seed, Field(description="Seed of the episode that the simulator runs.")] = 0
    episode: Annotated[Index, Field(description="Episode of the clip that the actions are of.")] = 0
    context: Annotated[Index, Field(description="Steps observed.", json_schema_extra={"minimum": 1})] = 5
    horizon: Annotated[
        Index, Field(description="Steps imagined.", json_schema_extra={"minimum": 1, "maximum": MOST_STEPS})
    ] = 10
    step: Annotated[
        Index | None, Field(description="The first step that differs; the first imagined one if not given.")
    ] = None
    actions: Annotated[Literal["recorded", "zero"], Field(description="What the agent does during the rollout.")] = (
        "recorded"
    )

    @property
    def since(self) -> int:
        """The first step that differs."""
        return self.context if self.step is None else self.step

    @property
    def steps(self) -> int:
        """Context and horizon together."""
        return self.context + self.horizon

    def check(self, checkpoint: "Checkpoint") -> None:
        """Raises ViewError unless this checkpoint and its environment can answer."""
        episodes, length = checkpoint.clip.image.shape[:2]
        can_be_set = settable(checkpoint)
        if not can_be_set:
            raise ViewError("factor", f"{checkpoint.info.name} comes from no simulator whose factors can be set")
        if self.factor not in can_be_set:
            raise ViewError("factor", f"{self.factor!r} cannot be set; there is {', '.join(can_be_set)}")
        low, high = factor_range(checkpoint, self.factor)
        if self.to is not None:
            check_number("to", self.to, low, high, f"{self.factor} in this checkpoint's clip")
        if self.dim is not None:
            check_index("dim", self.dim, checkpoint.model.config.latents, "dimension")
        check_index("episode", self.episode, episodes, "episode")
        for name, value in (("context", self.context), ("horizon", self.horizon)):
            check_count(name, value, MOST_STEPS)
        most = length if self.actions == "recorded" else MOST_STEPS
        if self.steps > most:
            raise ViewError("horizon", f"{self.steps} steps are more than {most}; use fewer, or zero actions")
        check_index("step", self.since, self.steps, "step")


def settable(checkpoint: "Checkpoint") -> tuple[str, ...]:
    """The factors that can be set in the simulator which this checkpoint's clip comes from."""
    known = checkpoint.clip.factor_names
    if checkpoint.info.environment not in SUITE_TASKS or not {"light", "camera_angle"} <= set(known):
        return ()
    return tuple(name for name in SETTABLE if name in known)


def factor_range(checkpoint: "Checkpoint", factor: str) -> tuple[float, float]:
    """Smallest and largest value of a factor in the clip, which limit what the model may be asked."""
    values = checkpoint.clip.factors[..., checkpoint.clip.factor_names.index(factor)]
    return float(values.min()), float(values.max())
