"""Runs without a row in the table, read from their folders: started from the shell, or shipped with a checkpoint."""

import datetime
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from backend.data.places import SHIPPED, Stamp, is_folder_name, names_in, stamp_of
from backend.data.run_start import FILE, RunStart, read_run_start
from backend.pipeline.builder import PRESETS, build_settings
from backend.pipeline.report import METRICS, metric_lines
from backend.pipeline.settings import SettingsError
from backend.runs.folders import read_error, read_result
from backend.runs.locks import folder_lock, holder
from backend.runs.states import RunState
from backend.runs.table import RunRow

MOST_STARTS = 4_096  # of runs that are kept in memory


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
    runs = home / "runs"
    found = [_of_shell(runs / name) for name in names_in(runs) if name not in known]
    found += [_shipped(SHIPPED / name) for name in names_in(SHIPPED) if name not in known]
    return [run for run in found if run is not None]


def find_run(home: Path, run_id: str) -> FoundRun | None:
    """The run with that id that has no row; None if there is none."""
    if not is_folder_name(run_id):
        return None
    return _of_shell(home / "runs" / run_id) or _shipped(SHIPPED / run_id)


def _of_shell(folder: Path) -> FoundRun | None:
    begun = _begun(folder)
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
        **begun.asked,
        state=state,
        created_at=begun.at,
        folder=folder,
        source="shell",
        finished_at=None if state == RunState.RUNNING else _modified(ended),
        error=error if state in (RunState.FAILED, RunState.DIVERGED) else None,
        result=result or {},
    )


def _shipped(folder: Path) -> FoundRun | None:
    begun = _begun(folder)
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
        **begun.asked,
        state=RunState.SUCCEEDED,
        created_at=begun_at,
        folder=folder,
        source="shipped",
        finished_at=made,
        result={"checkpoint": folder.name},
    )


class _Begun(NamedTuple):
    """How and when a run was started; `asked` are the fields of a run about it."""

    name: str | None
    asked: dict[str, Any]
    at: float


def _begun(folder: Path) -> _Begun | None:
    """None where there is no run, or its file cannot be read; the file is read again only once it has changed."""
    try:
        return _begun_as(folder, stamp_of(f"{folder}/{FILE}"))
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=MOST_STARTS)
def _begun_as(folder: Path, stamp: Stamp) -> _Begun | None:
    begun = read_run_start(folder)
    return None if begun is None else _Begun(begun.name, _asked(begun), stamp[0] / 1e9)


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
