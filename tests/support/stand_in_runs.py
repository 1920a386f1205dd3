"""Runs, presets and schemas of the stand-in API."""

import time
from typing import Any

COLLECT = {"environment": "cartpole-swingup", "episodes": 20, "distraction": "episode"}
PRETRAIN = {
    "dataset": None,
    "updates": 600,
    "batch": 16,
    "length": 16,
    "beta": 0.015,
    "model_lr": 3e-4,
    "augment": False,
}
FINETUNE = {"environment": "cartpole-swingup", "agent_steps": 4000, "beta": 0.015, "discount": 0.99}
STAGES = {
    "collect": COLLECT,
    "pretrain": PRETRAIN,
    "finetune": FINETUNE,
    "pipeline": {"collect": COLLECT, "pretrain": PRETRAIN, "finetune": FINETUNE},
}


def _preset(name: str, description: str, updates: int, minutes: float) -> dict[str, Any]:
    stages = {"collect": COLLECT, "pretrain": {**PRETRAIN, "updates": updates}, "finetune": FINETUNE}
    estimate = {stage: {"minutes": minutes, "memory_gb": 1.5} for stage in stages}
    return {"name": name, "title": name.title(), "description": description, "stages": stages, "estimate": estimate}


PRESETS = [
    _preset("tiny", "The whole pipeline once: a first look, and the tests.", 60, 1.5),
    _preset("small", "For two CPU cores; shows factors.", 6000, 90),
    _preset("paper", "The paper's figures, for a GPU.", 100_000, 2400),
]


def _field(kind: dict[str, Any], title: str, text: str, group: str, symbol: str = "", **more: Any) -> dict[str, Any]:
    return {**kind, "title": title, "description": text, "x-group": group, "x-symbol": symbol, **more}


_ENVIRONMENT = _field(
    {"type": "string", "enum": ["cartpole-swingup", "reacher-easy", "walker-walk"]},
    "Environment",
    "The dm_control task.",
    "Task",
    default="cartpole-swingup",
)
_BETA = _field(
    {"type": "number", "minimum": 0, "maximum": 10},
    "Beta",
    "Weight of the disentanglement constraint.",
    "Loss",
    "β",
    default=0.015,
)
_PROPERTIES: dict[str, dict[str, Any]] = {
    "collect": {
        "environment": _ENVIRONMENT,
        "episodes": _field({"type": "integer", "minimum": 1}, "Episodes", "How many.", "Size", default=20),
        "distraction": _field(
            {"enum": ["none", "set-a", "episode"], "type": "string"},
            "Distraction",
            "What flickers.",
            "Task",
            default="none",
        ),
    },
    "pretrain": {
        "dataset": _field(
            {"anyOf": [{"type": "string"}, {"type": "null"}]}, "Data set", "Id of the videos.", "Data", default=None
        ),
        "updates": _field({"type": "integer", "minimum": 1}, "Updates", "Gradient updates.", "Size", default=600),
        "batch": _field({"type": "integer", "minimum": 1}, "Batch", "Sequences a batch.", "Size", "B", default=16),
        "length": _field({"type": "integer", "minimum": 2}, "Length", "Steps a sequence.", "Size", "T", default=16),
        "beta": _BETA,
        "model_lr": _field(
            {"type": "number", "exclusiveMinimum": 0}, "Learning rate", "Of the model.", "Optimiser", default=3e-4
        ),
        "augment": _field({"type": "boolean"}, "Augment", "Shift the frames.", "Data", default=False),
    },
    "finetune": {
        "environment": _ENVIRONMENT,
        "agent_steps": _field({"type": "integer", "minimum": 100}, "Agent steps", "In all.", "Size", default=4000),
        "beta": _BETA,
        "discount": _field(
            {"type": "number", "minimum": 0, "maximum": 1}, "Discount", "Of returns.", "Behaviour", "γ", default=0.99
        ),
    },
}
SCHEMAS: dict[str, dict[str, Any]] = {
    stage: {"title": f"{stage.title()}Settings", "type": "object", "properties": fields, "additionalProperties": False}
    for stage, fields in _PROPERTIES.items()
}
SCHEMAS["pipeline"] = {
    "title": "PipelineSettings",
    "type": "object",
    "$defs": {f"{stage.title()}Settings": SCHEMAS[stage] for stage in _PROPERTIES},
    "properties": {stage: {"$ref": f"#/$defs/{stage.title()}Settings"} for stage in _PROPERTIES},
}


def settings_problems(stage: str, settings: dict[str, Any]) -> list[dict[str, str]]:
    """What the API would say about settings: unknown keys and a beta that is too large."""
    known = SCHEMAS[stage]["properties"]
    wrong = []
    for key, value in settings.items():
        if key not in known:
            wrong.append(
                {"pointer": f"/settings/{key}", "detail": f"There is no setting {key!r}.", "suggestion": "beta"}
            )
        elif key == "beta" and value > 5:
            wrong.append({"pointer": "/settings/beta", "detail": f"beta must be at most 5; {value} was given."})
    return wrong


def finished_run(name: str, stage: str) -> dict[str, Any]:
    """A run that succeeded."""
    return {
        "id": name,
        "name": name,
        "stage": stage,
        "preset": "small",
        "seed": 0,
        "settings": STAGES[stage],
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
        "settings": body.get("settings") or STAGES[stage],
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
