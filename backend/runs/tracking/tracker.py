"""The protocol of every tracker of experiments."""

import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from backend.data.run_start import RunStart
from backend.runs.tracking.lines import Line, Positions

NAME = "diswm"
"""The experiment or project that runs are put into unless the tracker's own variables name another."""


class NotSent(Exception):
    """The tracker does not answer or refuses; says so in a clause without credentials."""


class TrackedRun(NamedTuple):
    """A run as a tracker knows it: `key` identifies it permanently, `id` is the name of its folder."""

    key: str
    id: str
    start: RunStart

    @property
    def name(self) -> str:
        """What people read."""
        return self.start.name or self.id

    @property
    def settings(self) -> dict[str, Any]:
        """The settings with dotted names, and the seed."""
        return {"stage": self.start.stage, "seed": self.start.seed, **flat(self.start.settings)}


class Ending(NamedTuple):
    """The state of a run whose process has ended; `facts` is its result or its error, with dotted names."""

    status: Literal["finished", "failed", "stopped"]
    facts: dict[str, Any]


class Tracker(Protocol):
    """A run of MLflow or W&B. Every method raises NotSent."""

    def begin(self, run: TrackedRun) -> Positions | None:
        """Find the run or make it; returns what it already has, or None if it does not store that."""

    def send(self, lines: Sequence[Line], before: int, positions: Positions) -> None:
        """Add lines, of which `before` precede these; `positions` are what the run has then."""

    def end(self, ending: Ending) -> None:
        """Report the state of the run. `begin` continues it."""


def why_unusable(tracker: str | None) -> str | None:
    """A sentence if the package that a tracker needs is not installed."""
    if tracker is not None and tracker.startswith("wandb") and importlib.util.find_spec("wandb") is None:
        return f"DISWM_TRACKER={tracker} needs the package wandb: pip install 'diswm-studio[wandb]', or unset it"
    return None


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested objects as one, with dotted names; what has no value is left out."""
    return dict(_pairs(values, prefix))


def _pairs(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _pairs(value, f"{prefix}{name}.")
        elif value is not None:
            yield f"{prefix}{name}", value
