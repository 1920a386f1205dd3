"""Bodies and answers of the API. A body is closed and strict: an unknown key or another type is an error."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from backend.http.problems import nearest, short
from backend.views.catalogue import EXPORT_KINDS


class Body(BaseModel):
    """A request body: an unknown key is refused with the nearest known one, and no type is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys_only(cls, values: Any) -> Any:
        known = {field.alias or name for name, field in cls.model_fields.items()}
        for key in values if isinstance(values, dict) else ():
            if key not in known:
                near = nearest(key, known)
                hint = f"did you mean {near}?" if near else f"there is {', '.join(sorted(known))}"
                context = {"key": key, "suggestion": near or "", "name": short(key), "hint": hint}
                raise PydanticCustomError("unknown_key", "there is no field {name}; {hint}", context)
        return values


class View(BaseModel):
    """An answer."""

    model_config = ConfigDict(frozen=True)


class FaultView(View):
    """One wrong input."""

    pointer: str = Field(description="`/key/in/body`, `query:name`, `path:name` or `header:Name`.")
    detail: str
    suggestion: str | None = Field(description="A value that was perhaps meant.")


class ProblemView(View):
    """Why a request was refused, and what to do (RFC 9457)."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: str
    title: str
    status: int
    detail: str
    errors: list[FaultView]
    remedy: str


class HealthView(View):
    """The process lives."""

    status: str = "ok"
    version: str


class ReadyView(View):
    """The process can do its work."""

    status: str = "ready"
    checks: dict[str, str]


class EstimateView(View):
    """What a stage takes on two CPU cores."""

    minutes: float
    memory_gb: float


class EstimateBody(Body):
    """A run that may be queued: a stage, a preset, and the settings that differ from it."""

    stage: str = Field(description="collect, pretrain, finetune or pipeline.", max_length=100)
    preset: str = Field(default="tiny", description="tiny, small or paper.", max_length=100)
    settings: dict[str, Any] = Field(default={}, description="GET /schemas/{stage} says what there is.")


class EstimateList(View):
    """What each stage of a run takes on two CPU cores."""

    estimate: dict[str, EstimateView]


class PresetView(View):
    """A preset with the settings of each stage."""

    name: str
    title: str
    description: str
    stages: dict[str, dict[str, Any]]
    estimate: dict[str, EstimateView]


class PresetList(View):
    """All presets."""

    items: list[PresetView]
    next_cursor: str | None = None


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
    has_latents: bool = Field(description="Its images become latents, which can be traversed and named one by one.")


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


class DatasetView(View):
    """A data set."""

    id: str
    name: str
    kind: str
    environment: str | None
    episodes: int
    frames: int
    lengths: list[int] = Field(description="Frames of each episode.")
    action_size: int
    factor_names: list[str]
    guessed_factors: bool
    created_at: str
    settings: dict[str, Any]
    warnings: list[str]


class ImportView(View):
    """An upload that is still being read."""

    id: str
    url: str = Field(description="Answers 202 until it is read, then with what it became.")


class ImportPreview(View):
    """What an upload would become."""

    name: str
    kind: str
    environment: str | None
    episodes: int
    frames: int
    lengths: list[int] = Field(description="Frames of each episode.")
    action_size: int
    factor_names: list[str]
    guessed_factors: bool
    settings: dict[str, Any] = Field(description="What is kept of the files, and what was found in each.")
    warnings: list[str]
    known_as: str | None = Field(description="The data set that the same upload made before.")
    sheet: str = Field(description="Frames of some episodes, one row each, as a data URI.")


class DatasetList(View):
    """Data sets, newest first."""

    items: list[DatasetView]
    next_cursor: str | None = None


class PictureView(View):
    """A picture of yours, or several in the order of time, as the base of views."""

    id: str
    url: str
    frames: int = Field(description="The last one is the base, those before it are its history.")
    notes: list[str] = Field(default=[], description="What was done to show them upright and in plain colours.")


class RolloutBody(Body):
    """A rollout with actions given by hand."""

    actions: list[list[float]] = Field(min_length=1, max_length=500, description="A row an imagined step.")
    view: dict[str, Any] = Field(default={}, description="The same fields as the query of the rollout.")


class PlayBody(Body):
    """Which episode is played."""

    seed: int = Field(0, ge=0, le=2**31 - 1, description="Of the episode that the simulator starts.")


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


class PlayDatasetBody(Body):
    """What a data set made of a play is called."""

    name: str = Field("", max_length=200)


class DimensionView(View):
    """An active dimension of a model: its name, and where the data lie."""

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


class ExportBody(Body):
    """A file to be made and kept."""

    checkpoint: str = Field(max_length=200)
    kind: str = Field("traversal", max_length=20, json_schema_extra={"enum": list(EXPORT_KINDS)})
    format: str = Field("gif", max_length=10)
    view: dict[str, Any] = Field(default={}, description="The same fields as the query of the view.")


class ExportView(View):
    """A file that was made; equal requests give the same one."""

    id: str
    url: str
    file_name: str
    media_type: str
    etag: str
    bytes: int
    warning: str = ""  # what is not in the file as it was asked for, such as letters that no font here draws


class OpenedView(View):
    """What a file says of the view that it was made from."""

    kind: str = Field(description="One of the kinds that exports name, or `returns`: a figure of `diswm compare`.")
    checkpoint: str = Field(description="Empty for a figure of several runs.")
    found: str | None = Field(description="The checkpoint's id, where it is here; empty for a figure of several runs.")
    view: dict[str, Any] = Field(description="The fields of the view's query.")
