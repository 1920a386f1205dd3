"""Checkpoints, what their models can do, and names of dimensions."""

from typing import Any

from pydantic import Field

from backend.api.schemas.base import Body, View


class CheckpointView(View):
    """A checkpoint in a list."""

    id: str
    name: str
    stage: str
    source: str
    created_at: str
    run: str | None
    environment: str | None
    steps: int
    latents: int
    state: list[int] | None = Field(
        description="Stochastic and deterministic size of a world model's state; null for a model without actions."
    )
    named: int = Field(description="Dimensions whose factor is known.")
    agent_right: float | None = Field(
        description="Share of the agent's pixels that observed frames show right; null until it is measured."
    )
    sees: str | None = Field(description="What the model sees, in one sentence; null until it is measured.")


class CheckpointList(View):
    """Checkpoints, newest first."""

    items: list[CheckpointView]
    next_cursor: str | None = None


class ClipView(View):
    """The episodes that travel with a checkpoint."""

    episodes: int
    length: int
    factor_names: list[str]


class CapabilitiesView(View):
    """What can be asked of a model."""

    decodes: bool = Field(description="Draws the picture of a state.")
    imagines: bool = Field(description="Goes on from a state without seeing.")
    has_latents: bool = Field(description="Its images become latents, which can be traversed one by one.")
    has_scales: bool = Field(
        description="A picture alone gives these latents, as numbers that factors can be measured against."
    )
    sees_context: bool = Field(description="Draws a state beside a frame of its clip, which can be exchanged.")


class CheckpointDetail(CheckpointView):
    """A checkpoint with everything but its weights."""

    config: dict[str, Any]
    clip: ClipView
    statistics: dict[str, Any]
    capabilities: CapabilitiesView = Field(description="Views that need what is false here are refused with 409.")
    policy: bool
    actions: int = Field(description="Numbers of an action that the model takes; 0: it knows no actions.")
    settable: list[str] = Field(description="Factors that a counterfactual can set in this checkpoint's simulator.")
    quality: dict[str, Any] | None = Field(
        description="What `GET /checkpoints/{id}/quality` says; null until it is measured."
    )
    card: str | None = Field(description="Model card, as markdown.")


class LabelBody(Body):
    """What a person calls a dimension; an empty name takes the label away."""

    name: str = Field(max_length=80, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")
    note: str = Field("", max_length=2000)
    author: str = Field("", max_length=80, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")


class LabelView(View):
    """A label as it is kept."""

    dim: int
    name: str
    note: str
    author: str
    written_at: str
    carried_from: str | None


class LabelList(View):
    """The labels of a checkpoint, by dimension."""

    items: list[LabelView]
    next_cursor: str | None = None


class MeasureBody(Body):
    """Over which frames factors are measured."""

    dataset: str = Field(min_length=1, max_length=300, description="Id of a data set.")


class MeasuringView(View):
    """Whether factors are being measured over a data set just now, and how far that is."""

    running: bool
    progress: str
