"""Runs without a row in the table, read from their folders: started from the shell, or shipped with a checkpoint."""

import datetime
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backend.data.places import SHIPPED
from backend.data.run_start import FILE, RunStart, read_run_start
from backend.pipeline.builder import PRESETS, build_settings
from backend.pipeline.report import METRICS, metric_lines
from backend.pipeline.settings import SettingsError
from backend.runs.folders import read_error, read_result
from backend.runs.locks import folder_lock, holder
from backend.runs.states import RunState
from backend.runs.table import RunRow


@dataclass(frozen=True)
class FoundRun:
    """A run read from its folder, with the same attributes as a row of the table."""

    id: str
    name: str
    stage: str
    preset: str
    seed: int
    settings: dict[str, Any]
    overrides: dict[str, Any]  # differences from the preset
    state: RunState
    created_at: float
    folder: Path
    source: str  # shell or shipped
    finished_at: float | None = None
    error: dict[str, Any] | None = None
    result: dict[str, Any] = field(default_factory=dict)
    device: str = "auto"
    heartbeat_at: float | None = None
    cancel_requested: bool = False
    sweep: str | None = None  # only the queue has sweeps

    @property
    def started_at(self) -> float:
        """The start time: such a run never waited in a queue."""
        return self.created_at


Run = RunRow | FoundRun


def found_runs(home: Path, known: Collection[str]) -> list[FoundRun]:
    """Every run in the home without a row, and those shipped; `known` are the ids of the rows."""
    begun = [path.parent for path in home.glob(f"runs/*/{FILE}") if path.parent.name not in known]
    shipped = [path.parent for path in SHIPPED.glob(f"*/{FILE}") if path.parent.name not in known]
    found = [_of_shell(folder) for folder in begun] + [_shipped(folder) for folder in shipped]
    return [run for run in found if run is not None]


def find_run(home: Path, run_id: str) -> FoundRun | None:
    """The run with that id that has no row; None if there is none."""
    return next((run for run in found_runs(home, ()) if run.id == run_id), None)


def _of_shell(folder: Path) -> FoundRun | None:
    begun = read_run_start(folder)
    if begun is None:
        return None
    result, error = read_result(folder), read_error(folder)
    state = RunState.PAUSED
    if holder(folder_lock(folder)) is not None:
        state = RunState.RUNNING
    elif result is not None:
        state = RunState.SUCCEEDED
    elif error is not None:
        state = RunState.DIVERGED if error.get("type") == "diverged" else RunState.FAILED
    ended = folder / ("error.json" if result is None else "result.json")
    return FoundRun(
        id=folder.name,
        name=begun.name or folder.name,
        **_asked(begun),
        state=state,
        created_at=_modified(folder / FILE) or 0.0,
        folder=folder,
        source="shell",
        finished_at=None if state == RunState.RUNNING else _modified(ended),
        error=error if state in (RunState.FAILED, RunState.DIVERGED) else None,
        result=result or {},
    )


def _shipped(folder: Path) -> FoundRun | None:
    begun = read_run_start(folder)
    if begun is None:
        return None
    try:
        config = json.loads((folder / "config.json").read_bytes())
        made = datetime.datetime.fromisoformat(config["created_at"]).timestamp()
        begun_at = float(next(metric_lines(folder / METRICS), {}).get("time", made))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return FoundRun(
        id=folder.name,
        name=str(config.get("name", folder.name)),
        **_asked(begun),
        state=RunState.SUCCEEDED,
        created_at=begun_at,
        folder=folder,
        source="shipped",
        finished_at=made,
        result={"checkpoint": folder.name},
    )


def _asked(begun: RunStart) -> dict[str, Any]:
    """Stage, seed and settings, and the settings as a preset and the differences from it."""
    preset = begun.preset if begun.preset in PRESETS else "tiny"
    try:
        base = build_settings(begun.stage, preset).model_dump(mode="json")
    except SettingsError:
        base = {}
    return {
        "stage": begun.stage,
        "seed": begun.seed,
        "preset": preset,
        "settings": begun.settings,
        "overrides": _difference(begun.settings, base),
    }


def _difference(settings: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    for key, value in settings.items():
        before = base.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            inner = _difference(value, before)
            changed |= {key: inner} if inner else {}
        elif key not in base or value != before:
            changed[key] = value
    return changed


def _modified(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None
