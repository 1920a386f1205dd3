"""Presets, and the JSON schemas from which the page draws its forms."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter

from backend.api.openapi import refusals
from backend.api.schemas import EstimateBody, EstimateList, EstimateView, PresetList, PresetView
from backend.http.problems import Fault, Problem, not_found
from backend.pipeline.builder import build_settings, settings_schema
from backend.pipeline.estimates import estimate
from backend.pipeline.presets import DESCRIPTIONS, PRESET_VALUES
from backend.pipeline.settings import (
    STAGES,
    OneStage,
    PipelineSettings,
    SettingsError,
    StageSettings,
)

router = APIRouter(tags=["presets"])

Stages = Mapping[str, OneStage]


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


@router.post("/estimates", responses=refusals())
def estimate_run(body: EstimateBody) -> EstimateList:
    """What the stages of a run with these settings take on two CPU cores. Nothing is started."""
    try:
        settings = build_settings(body.stage, body.preset, body.settings)
    except SettingsError as error:
        raise Problem(
            422,
            "invalid-input",
            str(error),
            remedy="Correct the fields that errors lists; GET /api/v1/schemas/{stage} describes every setting.",
            errors=[
                Fault(f"/settings{problem.pointer}", problem.message, problem.suggestion) for problem in error.problems
            ],
        ) from None
    return EstimateList(estimate=_estimates(_stages_of(body.stage, settings)))


def _view(name: str) -> PresetView:
    stages = {
        **_stages_of("pipeline", build_settings("pipeline", name)),
        **_stages_of("offline", build_settings("offline", name)),
    }
    return PresetView(
        name=name,
        title=DESCRIPTIONS[name].title,
        description=DESCRIPTIONS[name].description,
        stages={stage: values.model_dump(mode="json") for stage, values in stages.items()},
        estimate=_estimates(stages),
    )


def _stages_of(stage: str, settings: StageSettings) -> Stages:
    if isinstance(settings, PipelineSettings):
        return {"collect": settings.collect, "pretrain": settings.pretrain, "finetune": settings.finetune}
    return {stage: settings}


def _estimates(stages: Stages) -> dict[str, EstimateView]:
    return {stage: EstimateView(**estimate(values)._asdict()) for stage, values in stages.items()}
