"""Runs as the API shows them."""

import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from backend.data.catalogue import newest_checkpoint
from backend.data.episodes import DATASET
from backend.pipeline.continuing import amount_of
from backend.runs.child import command_of_user
from backend.runs.folders import last_metrics, read_progress, read_result, readable_folder
from backend.runs.found import FoundRun, Run
from backend.runs.progress import whole_progress
from backend.runs.states import RESUMABLE, SILENT_S, RunState


class ProgressView(BaseModel):
    """The progress of a run: `done` of `total` in its present phase, and of the whole run."""

    phase: str
    done: float
    total: float
    share: float = Field(description="Of the whole run, all stages of a pipeline together, from 0 to 1.")
    eta_s: float | None = Field(description="Seconds left of the whole run; later phases as estimated.")


class ErrorView(BaseModel):
    """Why a run ended, and what to do about it."""

    type: str
    message: str
    hint: str = ""


class AmountView(BaseModel):
    """The amount of work of a run: a finished run continues if this setting is raised."""

    setting: str
    value: int


class RunView(BaseModel):
    """A run: its request, its state and its results."""

    id: str
    name: str
    stage: str
    preset: str
    seed: int
    device: str
    settings: dict[str, Any]
    state: RunState
    progress: ProgressView | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    error: ErrorView | None
    checkpoint: str | None
    dataset: str | None
    metrics: dict[str, Any]
    command: str
    source: Literal["queue", "shell", "shipped"] = Field(
        description="Who carries it out: a worker, a command in its folder, or whoever shipped it."
    )
    resumable: bool
    amount: AmountView | None = Field(description="What to raise so that a run that is over goes on.")
    cancelling: bool = Field(description="Asked to end, and about to.")
    sweep: str | None = Field(description="The sweep that it was queued with.")


class RunPage(BaseModel):
    """Some runs, newest first; `next_cursor` asks for the next ones."""

    items: list[RunView]
    next_cursor: str | None


class MetricsView(BaseModel):
    """Lines of metrics, and the `since` of the next request."""

    items: list[dict[str, Any]]
    next: int


class LogView(BaseModel):
    """A piece of the log, and the `since` of the next request."""

    text: str
    next: int


class WorkerView(BaseModel):
    """A living worker, the devices of its machine, and the labels that it was given."""

    name: str
    devices: list[str]
    labels: list[str]


class WorkerList(BaseModel):
    """Every living worker."""

    items: list[WorkerView]


class EventView(BaseModel):
    """What the event stream says at each change."""

    model_config = ConfigDict(frozen=True)

    state: RunState
    progress: ProgressView | None
    lost: bool = Field(False, description="The table of runs does not answer: the stream ends, the run may go on.")


def view_run(row: Run, home: Path, now: float) -> RunView:
    """A run as the API shows it at a time of the store; reads the small files in its folder."""
    folder = readable_folder(home, row.id)
    found = isinstance(row, FoundRun)
    result = row.result or read_result(folder) or {}
    return RunView(
        id=row.id,
        name=row.name,
        stage=row.stage,
        preset=row.preset,
        seed=row.seed,
        device=row.device,
        settings=row.settings,
        state=shown_state(row, now),
        progress=_progress(row, folder),
        created_at=_iso(row.created_at),
        started_at=_iso_or_none(row.started_at),
        finished_at=_iso_or_none(row.finished_at),
        error=_error(row.error),
        checkpoint=row.id if newest_checkpoint(folder) or ("checkpoint" in (row.result or {}) and found) else None,
        dataset=result.get("dataset") or (row.id if (folder / "dataset" / DATASET).exists() else None),
        metrics=_without_time(result.get("metrics") or last_metrics(folder)),
        command=command_of_user(row, home),
        source=row.source if isinstance(row, FoundRun) else "queue",
        resumable=row.state in RESUMABLE and not found,
        amount=None if found else _amount(row),
        cancelling=row.cancel_requested and row.state == RunState.RUNNING,
        sweep=row.sweep,
    )


def view_event(row: Run, home: Path, now: float) -> EventView:
    """The part of a run that changes while it runs."""
    return EventView(state=shown_state(row, now), progress=_progress(row, readable_folder(home, row.id)))


def shown_state(row: Run, now: float) -> RunState:
    """The row's state, except that a run whose worker died counts as queued even before a worker records that."""
    silent = row.heartbeat_at is not None and now - row.heartbeat_at > SILENT_S
    return RunState.QUEUED if row.state == RunState.RUNNING and silent else RunState(row.state)


def _amount(row: Run) -> AmountView | None:
    """None for settings of an earlier version that do not know it."""
    try:
        setting, value = amount_of(row.stage, row.settings)
    except KeyError:
        return None
    return AmountView(setting=setting, value=value)


def _progress(row: Run, folder: Path) -> ProgressView | None:
    progress = read_progress(folder)
    if progress is None or not {"phase", "done", "total"} <= progress.keys():
        return None
    whole = whole_progress(row.stage, row.settings, progress)
    return ProgressView(
        phase=str(progress["phase"]),
        done=progress["done"],
        total=progress["total"],
        share=round(whole.share, 4),
        eta_s=whole.seconds_left,
    )


def _error(error: dict[str, Any] | None) -> ErrorView | None:
    if error is None:
        return None
    return ErrorView(
        type=str(error.get("type", "error")),
        message=str(error.get("message", "")),
        hint=str(error.get("hint") or ""),
    )


def _without_time(metrics: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metrics.items() if name not in ("time", "phase")}


def _iso(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="milliseconds")


def _iso_or_none(seconds: float | None) -> str | None:
    return None if seconds is None else _iso(seconds)
