"""Bodies and answers of the API. A body is closed and strict: an unknown key or a wrong type is an error."""

from backend.api.schemas.base import Body, FaultView, HealthView, ProblemView, ReadyView, View
from backend.api.schemas.checkpoints import (
    CapabilitiesView,
    CheckpointDetail,
    CheckpointList,
    CheckpointView,
    ClipView,
    LabelBody,
    LabelList,
    LabelView,
    MeasureBody,
    MeasuringView,
)
from backend.api.schemas.datasets import (
    DatasetBody,
    DatasetList,
    DatasetView,
    ImportPreview,
    ImportView,
    JoinBody,
    PictureView,
)
from backend.api.schemas.gallery import PieceBody, PieceList, PieceView, PieceWords
from backend.api.schemas.notes import NoteBody, NoteList, NoteView
from backend.api.schemas.plays import DimensionView, MomentView, PlayBody, PlayDatasetBody, PlayView, StepBody
from backend.api.schemas.runs import EstimateBody, EstimateList, EstimateView, PresetList, PresetView
from backend.api.schemas.views import ExportBody, ExportView, OpenedView, RolloutBody

__all__ = [
    "Body",
    "CapabilitiesView",
    "CheckpointDetail",
    "CheckpointList",
    "CheckpointView",
    "ClipView",
    "DatasetBody",
    "DatasetList",
    "DatasetView",
    "DimensionView",
    "EstimateBody",
    "EstimateList",
    "EstimateView",
    "ExportBody",
    "ExportView",
    "FaultView",
    "HealthView",
    "ImportPreview",
    "ImportView",
    "JoinBody",
    "LabelBody",
    "LabelList",
    "LabelView",
    "MeasureBody",
    "MeasuringView",
    "MomentView",
    "NoteBody",
    "NoteList",
    "NoteView",
    "OpenedView",
    "PictureView",
    "PieceBody",
    "PieceList",
    "PieceView",
    "PieceWords",
    "PlayBody",
    "PlayDatasetBody",
    "PlayView",
    "PresetList",
    "PresetView",
    "ProblemView",
    "ReadyView",
    "RolloutBody",
    "StepBody",
    "View",
]
