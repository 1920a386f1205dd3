"""What the stand-in of the API knows, and how it answers."""

import threading
from dataclasses import dataclass, field
from typing import Any

from fastapi import Response
from fastapi.responses import JSONResponse

from tests.support.drawing import FACTORS, LATENTS
from tests.support.stand_in_quality import SEES
from tests.support.stand_in_runs import finished_run, running_run

NAMES = {0: "cart position", 1: "pole angle", 2: "body hue", 3: "floor hue", 4: "sky hue", 5: "light", 6: "camera"}


@dataclass
class World:
    """What the stand-in knows; a test may change any of it."""

    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    checkpoints: list[dict[str, Any]] = field(default_factory=list)
    datasets: list[dict[str, Any]] = field(default_factory=list)
    labels: dict[int, dict[str, Any]] = field(default_factory=dict)
    notes: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    page_size: int = 100
    problem: tuple[str, int, dict[str, Any]] | None = None
    hang: threading.Event = field(default_factory=threading.Event)  # while set, nothing is answered
    slow_uploads: float = 0.0  # seconds
    sweeps: dict[str, list[str]] = field(default_factory=dict)  # the runs of each
    gallery: list[dict[str, Any]] = field(default_factory=list)
    measuring: int = 0  # answers until factors are measured over a data set
    few_episodes: bool = False  # so that no factor is told from chance

    def query_of(self, path: str) -> dict[str, str]:
        """The query of the last request whose path ends so; the schemas of views do not count."""
        asked = [(place, query) for place, query in self.requests if "/schemas/" not in place]
        return next(query for place, query in reversed(asked) if place.endswith(path))

    @classmethod
    def furnished(cls) -> "World":
        """Two checkpoints, three runs, two data sets: a workplace in use."""
        runs = [running_run("run-walker", "finetune"), finished_run("run-cartpole", "pretrain")]
        runs.append({**finished_run("run-broken", "pretrain"), "state": "diverged", "checkpoint": None})
        runs[-1]["error"] = {
            "type": "diverged",
            "message": "The image loss became NaN at update 412.",
            "hint": "Lower model_lr (now 0.003) and resume: the last finite checkpoint is kept.",
        }
        return cls(
            runs={run["id"]: run for run in runs},
            checkpoints=[checkpoint_of("cartpole-small", "shipped"), checkpoint_of("run-cartpole", "run")],
            datasets=[dataset_of("cartpole-clips"), dataset_of("my-videos", kind="clips", guessed=True)],
        )


def problem(status: int, title: str = "Problem", detail: str = "", **more: Any) -> JSONResponse:
    """An error as the API sends it."""
    body = {"type": "/problems/stand-in", "title": title, "status": status, "detail": detail, **more}
    return JSONResponse(body, status, media_type="application/problem+json")


def items(found: list[Any]) -> dict[str, Any]:
    """One page of a list, the last."""
    return {"items": found, "next_cursor": None}


def file_of(content: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f"attachment; filename=\"{name}\"; filename*=UTF-8''{name}"}
    return Response(content, media_type=f"image/{name.rsplit('.', 1)[1]}", headers=headers)


def checkpoint_of(name: str, source: str) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "stage": "finetune",
        "source": source,
        "created_at": "2026-11-22T21:00:00Z",
        "run": name if source == "run" else None,
        "environment": "cartpole-swingup",
        "steps": 40_000,
        "latents": LATENTS,
        "named": 7,
        "agent_right": 0.72 if source == "shipped" else None,
        "sees": SEES if source == "shipped" else None,
    }


def dataset_of(name: str, kind: str = "collected", guessed: bool = False) -> dict[str, Any]:
    factors = ["hue", "brightness", "motion"] if guessed else list(FACTORS)
    return {
        "id": name,
        "name": name,
        "kind": kind,
        "environment": None if guessed else "cartpole-swingup",
        "episodes": 12,
        "frames": 480,
        "lengths": [40] * 12,
        "factor_names": factors,
        "guessed_factors": guessed,
        "created_at": "2026-11-22T20:00:00Z",
        "action_size": 0 if guessed else 2,
        "settings": {},
        "warnings": ["clip 3 was cut short: 40 of 55 frames read"] if guessed else [],
    }
