"""What a run's own metrics say about its policy: the last evaluation, and random actions in the first."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backend.pipeline.report import METRICS, metric_lines


def measured_returns(out: Path, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """{"mean", "std", "episodes", "random"} of the run in `out`; None before its first evaluation.

    `random` is the mean return of random actions in the episodes of the first evaluation, None for older runs.
    """
    evaluated: dict[str, Any] | None = None
    random: float | None = None
    for line in metric_lines(out / METRICS):
        if line.get("phase") == "evaluate" and "evaluation_return" in line:
            evaluated = line
            random = line.get("random_return", random)
    if evaluated is None:
        return None
    return {
        "mean": evaluated["evaluation_return"],
        "std": evaluated.get("evaluation_std"),
        "episodes": settings.get("evaluate_episodes"),
        "random": random,
    }
