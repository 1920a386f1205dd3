"""Plays: a model beside its simulator."""

from pydantic import Field, field_validator

from backend.api.schemas.base import Body, View
from backend.interpret.play import MOST_STEPS


class StepBody(Body):
    """One step of a play."""

    action: list[float] | None = Field(
        None, max_length=64, description="A number from -1 to 1 for each action; null: what the policy would do."
    )
    looks: bool = Field(True, description="Whether the model sees the simulator's picture of this step, or imagines.")
    edits: dict[str, float] = Field(
        default={}, max_length=256, description="Dimension -> value that the latent of this step is held at."
    )

    @field_validator("edits")
    @classmethod
    def _dimensions_are_numbers(cls, edits: dict[str, float]) -> dict[str, float]:
        for dim in edits:
            if not (dim.isascii() and dim.isdecimal() and len(dim) <= 6):
                raise ValueError(f"{dim[:20]!r} is not the number of a dimension")
        return edits


class PlayBody(Body):
    """Which episode is played."""

    seed: int = Field(0, ge=0, le=2**31 - 1, description="Of the episode that the simulator starts.")
    steps: list[StepBody] = Field(
        default=[], max_length=MOST_STEPS, description="Taken at once: those that a file of a play carries."
    )


class PlayDatasetBody(Body):
    """What a data set made of a play is called."""

    name: str = Field("", max_length=200)


class DimensionView(View):
    """An active dimension of a model: its name and the range of the data."""

    dim: int
    name: str
    mean: float
    std: float


class MomentView(View):
    """Where a play is."""

    step: int
    real: str = Field(description="The simulator's picture as a data URI.")
    model: str = Field(description="The model's picture as a data URI.")
    looked: bool = Field(description="Whether the model has seen the simulator's picture of this step.")
    over: bool = Field(description="Whether the episode has ended.")
    action: list[float] = Field(description="That led here.")
    latent: list[float] | None = Field(description="What the encoder sees in the model's picture.")
    policy: list[float] | None = Field(description="What the policy would do next.")
    reward: float
    predicted_reward: float | None
    value: float | None
    difference: float = Field(description="Mean difference of the two pictures, in grey levels.")


class PlayView(View):
    """A play that has begun."""

    id: str
    checkpoint: str
    environment: str
    action_size: int
    policy: bool = Field(description="Whether the checkpoint has a policy that can play.")
    dimensions: list[DimensionView] = Field(description="Active ones, the one with the largest KL first.")
    most: int = Field(description="Steps that a play has at most.")
    moment: MomentView
