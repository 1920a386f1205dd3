"""How a run was begun, as its folder says: stage, seed, settings and name, in settings.json."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from backend.data.files import write_json

FILE = "settings.json"


class Begun(NamedTuple):
    """What a run was begun with; the preset is that which the settings were made from, if any."""

    stage: str
    seed: int
    settings: dict[str, Any]
    name: str | None = None
    preset: str | None = None


def write_begun(folder: Path, begun: Begun) -> None:
    """Says how the run in a folder was begun, or with what it goes on."""
    write_json(folder / FILE, begun._asdict())


def read_begun(folder: Path) -> Begun | None:
    """How the run in a folder was begun; None where there is no run, or its file cannot be read."""
    try:
        values = json.loads((folder / FILE).read_bytes())
        stage, seed, settings = str(values["stage"]), int(values["seed"]), dict(values["settings"])
        return Begun(stage, seed, settings, values.get("name"), values.get("preset"))
    except (OSError, ValueError, KeyError, TypeError):
        return None
