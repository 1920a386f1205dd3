"""What a run can be and what it takes: presets and estimates."""

from typing import Any

from pydantic import Field

from backend.api.schemas.base import Body, View


class EstimateView(View):
    """What a stage takes on two CPU cores."""

    minutes: float
    memory_gb: float


class EstimateBody(Body):
    """A run that may be queued: a stage, a preset, and the settings that differ from it."""

    stage: str = Field(description="collect, pretrain, finetune or pipeline.", max_length=100)
    preset: str = Field(default="tiny", description="tiny, small or paper.", max_length=100)
    settings: dict[str, Any] = Field(default={}, description="GET /schemas/{stage} lists them.")


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
