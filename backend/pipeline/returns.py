"""What a run's own metrics say about its policy: the last evaluation, and the episodes played at random."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backend.pipeline.report import METRICS, metric_lines


def measured_returns(out: Path, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """{"mean", "std", "episodes", "random"} of the run in `out`; None before its first evaluation.

    `random` is the mean return of the training episodes that ended before the policy began to act, None without any.
    """
    evaluated: dict[str, Any] | None = None
    random: list[float] = []
    for line in metric_lines(out / METRICS):
        if line.get("phase") == "evaluate" and "evaluation_return" in line:
            evaluated = line
        elif line.get("phase") == "episode" and line.get("agent_steps", 0) <= settings.get("prefill", 0):
            random += [line["episode_return"]] if "episode_return" in line else []
    if evaluated is None:
        return None
    return {
        "mean": evaluated["evaluation_return"],
        "std": evaluated.get("evaluation_std"),
        "episodes": settings.get("evaluate_episodes"),
        "random": sum(random) / len(random) if random else None,
    }
