"""Settings of every stage: typed, frozen, closed; forms are drawn from their titles, groups and symbols."""

from backend.pipeline.settings.collect import CollectSettings
from backend.pipeline.settings.errors import Problem, SettingsError
from backend.pipeline.settings.finetune import FinetuneSettings
from backend.pipeline.settings.learning import LearningSettings
from backend.pipeline.settings.offline import OfflineSettings
from backend.pipeline.settings.pipeline import STAGES, OneStage, PipelineSettings, StageSettings
from backend.pipeline.settings.pretrain import PretrainSettings

MAX_SEED = 2**63 - 1

__all__ = [
    "MAX_SEED",
    "STAGES",
    "CollectSettings",
    "FinetuneSettings",
    "LearningSettings",
    "OfflineSettings",
    "OneStage",
    "PipelineSettings",
    "PretrainSettings",
    "Problem",
    "SettingsError",
    "StageSettings",
]
