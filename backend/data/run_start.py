"""How a run was started: stage, seed, settings and name, kept in its folder as settings.json."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from backend.data.files import write_json

FILE = "settings.json"


class RunStart(NamedTuple):
    """What a run was started with; the preset is the one that its settings were made from, if any."""

    stage: str
    seed: int
    settings: dict[str, Any]
    name: str | None = None
    preset: str | None = None


def write_run_start(folder: Path, start: RunStart) -> None:
    """Writes how the run in a folder was started, or what it continues with."""
    write_json(folder / FILE, start._asdict())


def read_run_start(folder: Path) -> RunStart | None:
    """How the run in a folder was started; None if there is no run, or its file cannot be read."""
    try:
        values = json.loads((folder / FILE).read_bytes())
        stage, seed, settings = str(values["stage"]), int(values["seed"]), dict(values["settings"])
        return RunStart(stage, seed, settings, values.get("name"), values.get("preset"))
    except (OSError, ValueError, KeyError, TypeError):
        return None
