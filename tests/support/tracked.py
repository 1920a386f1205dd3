"""A run's folder as its process would leave it, with metrics of our choosing."""

import json
from pathlib import Path
from typing import Any

from backend.data.run_start import RunStart, write_run_start

SETTINGS = {"latents": 20, "learning_rate": 3e-05, "collect": {"environment": "reacher-easy"}, "films": None}


def begin_run(folder: Path, **settings: Any) -> None:
    """Writes settings.json of a run with the name `a run`."""
    folder.mkdir(parents=True, exist_ok=True)
    write_run_start(folder, RunStart("finetune", 7, {**SETTINGS, **settings}, "a run", "tiny"))


def report(folder: Path, phase: str, updates: int, agent_steps: int = 0, **values: float) -> None:
    """Appends a line of metrics; its time is 1000 s plus the updates."""
    counters = {"updates": updates, "agent_steps": agent_steps, "environment_steps": 2 * agent_steps}
    with (folder / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"time": 1000.0 + updates, "phase": phase, **counters, **values}) + "\n")
