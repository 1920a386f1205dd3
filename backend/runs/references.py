"""Settings that name a data set or a checkpoint: refused before the run is queued when those do not fit."""

from pathlib import Path

from backend.data.catalogue import NotFound, find_checkpoint, find_dataset
from backend.data.checkpoint import CheckpointInfo
from backend.pipeline.config import FinetuneSettings, PretrainSettings, StageSettings
from backend.runs.errors import FieldProblem, IncompatibleSource, InvalidRun


def check_references(settings: StageSettings, home: Path) -> None:
    """Raises InvalidRun (unknown or too short) or IncompatibleSource (another architecture)."""
    if isinstance(settings, PretrainSettings) and settings.dataset is not None:
        _check_dataset(settings, settings.dataset, home)
    if isinstance(settings, FinetuneSettings) and settings.teacher is not None:
        _check_teacher(settings, settings.teacher, home)


def _check_dataset(settings: PretrainSettings, reference: str, home: Path) -> None:
    try:
        dataset = find_dataset(home, reference)
    except NotFound as error:
        raise InvalidRun([FieldProblem("/settings/dataset", str(error))]) from None
    longest = max(dataset.lengths, default=0)
    if settings.length > longest:
        detail = (
            f"sequences of {settings.length} frames are longer than the longest episode of "
            f"{dataset.name!r} ({longest} frames)"
        )
        raise InvalidRun([FieldProblem("/settings/length", detail)])


def _check_teacher(settings: FinetuneSettings, reference: str, home: Path) -> None:
    try:
        teacher = find_checkpoint(home, reference)
    except NotFound as error:
        raise InvalidRun([FieldProblem("/settings/teacher", str(error))]) from None
    different = _differences(settings, teacher)
    if different:
        raise IncompatibleSource(
            f"The video model {teacher.name!r} has another architecture: {'; '.join(different)}.",
            "Set the same sizes as the video model, or choose another one.",
        )


def _differences(settings: FinetuneSettings, teacher: CheckpointInfo) -> list[str]:
    """Sizes that distillation needs equal: the latents, compared one by one."""
    if teacher.latents == settings.latents:
        return []
    return [f"latents is {teacher.latents} there and {settings.latents} here"]
