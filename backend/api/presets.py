"""Presets, and the JSON schemas from which the page draws its forms."""

from typing import Any

from fastapi import APIRouter

from backend.api.openapi import refusals
from backend.api.schemas import EstimateView, PresetList, PresetView
from backend.http.problems import not_found
from backend.pipeline.builder import build_settings, settings_schema
from backend.pipeline.estimates import estimate
from backend.pipeline.presets import DESCRIPTIONS, PRESET_VALUES
from backend.pipeline.settings import STAGES, CollectSettings, FinetuneSettings, PipelineSettings, PretrainSettings

router = APIRouter(tags=["presets"])


@router.get("/presets")
def list_presets() -> PresetList:
    """Every preset with its settings, stage by stage, and what it takes on two CPU cores."""
    return PresetList(items=[_view(name) for name in PRESET_VALUES])


@router.get("/schemas/{stage}", responses=refusals(404))
def get_schema(stage: str) -> dict[str, Any]:
    """JSON schema of a stage's settings, with groups (`x-group`) and the paper's symbols (`x-symbol`)."""
    if stage not in STAGES:
        raise not_found("stage", stage, known=STAGES)
    return settings_schema(stage)


def _view(name: str) -> PresetView:
    settings = build_settings("pipeline", name)
    assert isinstance(settings, PipelineSettings)
    stages: dict[str, CollectSettings | PretrainSettings | FinetuneSettings] = {}
    stages |= {"collect": settings.collect, "pretrain": settings.pretrain, "finetune": settings.finetune}
    return PresetView(
        name=name,
        title=DESCRIPTIONS[name].title,
        description=DESCRIPTIONS[name].description,
        stages={stage: values.model_dump(mode="json") for stage, values in stages.items()},
        estimate={stage: EstimateView(**estimate(values)._asdict()) for stage, values in stages.items()},
    )
