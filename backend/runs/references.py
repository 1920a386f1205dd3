"""Which runs still need a data set or a checkpoint, so that it must not be deleted under them."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from backend.runs.locks import folder_lock, holder
from backend.runs.states import ACTIVE, RunState
from backend.runs.store import RunStore
from backend.runs.table import RunRow

_FIELDS = ("dataset", "teacher", "films")
USING = (*ACTIVE, RunState.PAUSED)


def run_that_uses(store: RunStore, names: Collection[str]) -> RunRow | None:
    """The newest waiting, running or paused run whose settings name one of these ids or names."""
    rows = store.newest(limit=10_000, states=USING)
    return next((row for row in rows if _named(row.settings) & set(names)), None)


def run_that_writes(store: RunStore, home: Path, path: Path) -> str | None:
    """What is still running in the run's folder that contains `path`: a sentence, or None."""
    try:
        run = path.resolve().relative_to((home / "runs").resolve()).parts[0]
    except (ValueError, IndexError):
        return None
    row = store.get(run)
    if row is not None and row.state in ACTIVE:
        return f"its run {run} is {row.state}"
    if holder(folder_lock(home / "runs" / run)) is not None:
        return f"a command writes into the folder of its run {run}"
    return None


def _named(settings: Mapping[str, Any]) -> set[str]:
    """The ids and names in settings, including those of each stage of a pipeline."""
    found = {settings[key] for key in _FIELDS if isinstance(settings.get(key), str)}
    found.update(name.strip() for name in str(settings.get("teachers", "")).split(","))
    inner = (value for value in settings.values() if isinstance(value, dict))
    return found.union(*map(_named, inner))
