"""How a gate weighs the teachers of a run along its checkpoint's clip, as teachers.json beside the checkpoint."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from backend.data.clip import Clip
from backend.interpret.encoded import Floats
from backend.interpret.resample import interval_of_mean
from backend.pipeline.report import METRICS
from models.gate import TeacherGate
from models.types import normalise
from models.world_model import WorldModel

Features = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Every teacher's features of images (B, T, H, W, C), actions (B, T, A) and is_first (B, T): (n, B, T, F)."""


@torch.no_grad()
def weighed_clip(
    world_model: WorldModel, features: Features, gate: TeacherGate, names: Sequence[str], clip: Clip, out: Path
) -> dict[str, Any]:
    """Weights and distances of the teachers along each episode, the same with another episode's student, and over time.

    `swapped` has the student's states of the next episode: a gate that does not look at the student gives the same
    weights.
    """
    place = next(world_model.parameters()).device
    weights, swapped, distances = [], [], []
    students = [_student(world_model, clip, episode, place) for episode in range(len(clip.image))]
    for episode, student in enumerate(students):
        found = features(*_sequence(clip, episode, place))[:, 0]
        adapted = gate.adapted(found)
        weights.append(gate.weights(found, adapted, student).cpu().numpy())
        swapped.append(gate.weights(found, adapted, students[(episode + 1) % len(students)]).cpu().numpy())
        distances.append((adapted - student).square().mean(-1).cpu().numpy())
    seen = np.stack(weights)  # (E, n, T)
    return {
        "teachers": list(names),
        "weights": np.round(seen.swapaxes(0, 1), 4).tolist(),
        "mean": _rounded(seen.mean((0, 2))),
        "interval": [_rounded(pair) for pair in interval_of_mean(seen.mean(2))],
        "swapped": _rounded(np.stack(swapped).mean((0, 2))) if len(students) > 1 else None,
        "moved": round(float(np.abs(np.stack(swapped) - seen).mean()), 4) if len(students) > 1 else None,
        "distance": _rounded(np.stack(distances).mean((0, 2))),
        "history": _history(out / METRICS, len(names)),
    }


def _sequence(clip: Clip, episode: int, place: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    image, action = (torch.from_numpy(part[episode : episode + 1]).to(place) for part in (clip.image, clip.action))
    is_first = torch.zeros(image.shape[:2], dtype=torch.bool, device=place)
    is_first[:, 0] = True
    return image, action, is_first


def _student(world_model: WorldModel, clip: Clip, episode: int, place: torch.device) -> Tensor:
    """The student's features along an episode, by the means: (T, F)."""
    image, action, is_first = _sequence(clip, episode, place)
    return world_model.observe(world_model.encode(normalise(image)).mean, action, is_first).states.feature[0]


def _history(path: Path, teachers: int) -> dict[str, list[Any]]:
    """Mean weights in the logged batches of the run: steps, and one list of weights per step."""
    history: dict[str, list[Any]] = {"steps": [], "weights": []}
    names = [f"teacher_{place}" for place in range(1, teachers + 1)]
    for line in path.read_text().splitlines() if path.exists() else ():
        values = json.loads(line)
        if all(name in values for name in names):
            history["steps"].append(int(values["updates"]))
            history["weights"].append([round(float(values[name]), 4) for name in names])
    return history


def _rounded(values: Floats) -> list[float]:
    return [round(float(value), 4) for value in values]
