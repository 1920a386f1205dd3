"""How far a whole run is: all phases of all stages together, each weighted by its estimated time."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from backend.pipeline.estimates import first_acting_step, phase_seconds
from backend.pipeline.settings import STAGES, FinetuneSettings, OneStage, PipelineSettings
from backend.runs.folders import seconds_left

TRAINING = ("pretrain", "first updates", "finetune", "offline")
"""Phases whose pace predicts that of the next one: the same updates on the same machine."""


class Phase(NamedTuple):
    """A part of a run: its name in progress reports, estimated seconds, and the count at which it begins."""

    name: str
    seconds: float
    start: float


class Whole(NamedTuple):
    """The share of a whole run that is done, 0 to 1, and the seconds left; None while the pace is unknown."""

    share: float
    seconds_left: float | None


def whole_progress(stage: str, settings: Mapping[str, Any], progress: Mapping[str, Any]) -> Whole:
    """How far a run is, by the last report of its current phase. Settings of an earlier version: only the phase."""
    done, total = float(progress["done"]), float(progress["total"])
    phases = _phases(stage, settings)
    names = [phase.name for phase in phases]
    left = seconds_left(dict(progress))
    if progress["phase"] not in names:
        return Whole(_within(done / total if total else 1.0), left)
    place = names.index(str(progress["phase"]))
    phase, later = phases[place], phases[place + 1 :]
    share = _within((done - phase.start) / (total - phase.start) if total > phase.start else 1.0)
    seconds = sum(item.seconds for item in phases)
    before = sum(item.seconds for item in phases[:place])
    gone = _within((before + share * phase.seconds) / seconds if seconds else share)
    return Whole(gone, None if left is None else round(left + _rest(phase, share, left, later), 1))


def _rest(phase: Phase, share: float, left: float, later: list[Phase]) -> float:
    """Estimated seconds of the later phases; for training phases, at the pace of the current one."""
    expected = (1 - share) * phase.seconds
    pace = left / expected if phase.name in TRAINING and expected > 0 and left > 0 else 1.0
    return sum(item.seconds * (pace if item.name in TRAINING else 1.0) for item in later)


def _phases(stage: str, settings: Mapping[str, Any]) -> list[Phase]:
    try:
        read = STAGES[stage].model_validate(settings)
    except (KeyError, ValidationError):
        return []
    stages: list[OneStage]
    stages = [read.collect, read.pretrain, read.finetune] if isinstance(read, PipelineSettings) else [read]
    found = []
    for part in stages:
        starts = {"finetune": float(first_acting_step(part))} if isinstance(part, FinetuneSettings) else {}
        found += [Phase(name, seconds, starts.get(name, 0.0)) for name, seconds in phase_seconds(part).items()]
    return found


def _within(share: float) -> float:
    return min(1.0, max(0.0, share))
