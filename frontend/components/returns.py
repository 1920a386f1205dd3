"""Returns among a run's metrics: the evaluation's first, and those of random actions under a separate name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

RANDOM = "episode_return, random actions"
ORDER = ("evaluation_return", "episode_return", "success_rate", "random_return", "evaluation_std", "random_std", RANDOM)
OUTCOMES = ("evaluation_std", "random_std", "success_rate")  # of episodes, beside their returns: no losses


def name_random(lines: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Metric lines in which episodes before the first update, played at random, have a separate name."""
    return [
        {
            RANDOM if name == "episode_return" and not line.get("updates") else name: value
            for name, value in line.items()
        }
        for line in lines
    ]


def returns_first(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Names of metrics, sorted, as returns (that of the evaluation first) and losses."""
    known = sorted(names)
    returns = [name for name in known if "return" in name or name in OUTCOMES]
    returns.sort(key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))
    return returns, [name for name in known if name not in returns]
