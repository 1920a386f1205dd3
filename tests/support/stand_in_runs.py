"""Runs of the stand-in API."""

import time
from typing import Any

from backend.pipeline.builder import build_settings


def settings_of(stage: str) -> dict[str, Any]:
    """Every setting of a stage, as the preset `small` has them."""
    return build_settings(stage, "small").model_dump(mode="json")


def finished_run(name: str, stage: str) -> dict[str, Any]:
    """A run that succeeded."""
    return {
        "id": name,
        "name": name,
        "stage": stage,
        "preset": "small",
        "seed": 0,
        "settings": settings_of(stage),
        "state": "succeeded",
        "progress": None,
        "created_at": "2026-11-22T18:00:00Z",
        "started_at": "2026-11-22T18:00:02Z",
        "finished_at": "2026-11-22T19:24:40Z",
        "error": None,
        "checkpoint": "run-cartpole",
        "dataset": None,
        "metrics": {"loss": 41.2, "image_loss": 33.0, "return": 312.0},
        "command": f"diswm {stage} --preset small --seed 0",
        "resumable": False,
        "amount": {"setting": AMOUNTS[stage], "value": 1000},
        "source": "queue",
        "cancelling": False,
        "device": "cpu",
        "sweep": None,
    }


AMOUNTS = {
    "collect": "episodes",
    "pretrain": "updates",
    "finetune": "agent_steps",
    "pipeline": "finetune.agent_steps",
}


def running_run(name: str, stage: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """A run that is going on, a quarter done."""
    body = body or {}
    progress = {"phase": stage, "done": 250, "total": 100_000, "share": 0.25, "eta_s": 2400.0}
    return {
        **finished_run(name, stage),
        "name": body.get("name") or name,
        "preset": body.get("preset", "small"),
        "settings": body.get("settings") or settings_of(stage),
        "state": "running",
        "progress": progress,
        "finished_at": None,
        "checkpoint": None,
        "resumable": False,
        "cancelling": False,
        "device": "cpu",
        "_from": 250,
        "_since": time.time(),
    }
