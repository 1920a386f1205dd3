"""Texts that every page uses: states, times, sizes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

# state -> (badge colour, icon): the icon shows the state as well as the colour
STATES = {
    "queued": ("gray", ":material/hourglass_empty:"),
    "running": ("blue", ":material/play_circle:"),
    "paused": ("orange", ":material/pause_circle:"),
    "succeeded": ("green", ":material/check_circle:"),
    "failed": ("red", ":material/error:"),
    "cancelled": ("gray", ":material/stop_circle:"),
    "diverged": ("red", ":material/trending_up:"),
}
SIGNS = {
    "queued": "…",
    "running": "▶",
    "paused": "❚❚",
    "succeeded": "✓",
    "failed": "✕",
    "cancelled": "■",
    "diverged": "↗",
}
GOING = ("queued", "running", "paused")
ENDED = ("succeeded", "failed", "cancelled", "diverged")
FINISHING_S = 3.0  # the rest is saving and measuring, which is not counted

OF_TINY = (
    "The preset `tiny` only checks that everything works. Its models have hardly learned anything: pictures are "
    "blurred and have wrong colours, most rows do not move, and names and scores mean nothing yet. Take `small` for a "
    "result."
)


def state_badge(state: str) -> str:
    """A state as a Markdown badge."""
    colour, icon = STATES.get(state, ("gray", ":material/help:"))
    return f":{colour}-badge[{icon} {state}]"


def state_text(state: str) -> str:
    """A state as plain text, after its sign."""
    return f"{SIGNS.get(state, '?')} {state}"


def duration(seconds: float | None) -> str:
    """Seconds as text: `40 s`, `12 min`, `3 h 5 min`."""
    if seconds is None:
        return ""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def moment(text: str | None) -> datetime | None:
    """An ISO time, in UTC where it names no zone: what tables sort by."""
    if not text:
        return None
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def ago(text: str | None) -> str:
    """An ISO time as how long ago it was."""
    then = moment(text)
    if then is None:
        return ""
    seconds = (datetime.now(UTC) - then).total_seconds()
    if seconds < 60:
        return "just now"
    if seconds < 48 * 3600:
        return f"{duration(seconds)} ago"
    return f"{seconds / 86400:.0f} days ago"


def elapsed(run: Mapping[str, Any]) -> str:
    """How long a run took, or has been running."""
    if not run.get("started_at"):
        return ""
    start = datetime.fromisoformat(run["started_at"])
    end = datetime.fromisoformat(run["finished_at"]) if run.get("finished_at") else datetime.now(start.tzinfo or UTC)
    return duration((end - start).total_seconds())


def progress_share(run: Mapping[str, Any]) -> float:
    """The share of a run that is done, over all stages of a pipeline, from 0 to 1."""
    if run["state"] == "succeeded":
        return 1.0
    progress = run.get("progress")
    return float(progress["share"]) if progress else 0.0


def progress_line(run: Mapping[str, Any]) -> str:
    """Where a running run is: phase, counts, time left of the whole run."""
    progress = run.get("progress")
    if run["state"] in ENDED:
        return ""
    if not progress:
        label = str(run.get("device", "")).partition("@")[2]
        waits = f"waiting for a worker with the label {label}" if label else "waiting for its turn"
        return {"queued": waits, "running": "is starting"}.get(run["state"], "")
    words = [f"{progress['phase']}: {progress['done']:,.0f} of {progress['total']:,.0f}"]
    if progress.get("eta_s") is not None:
        few = progress["eta_s"] < FINISHING_S
        words.append("finishing" if few else f"about {duration(progress['eta_s'])} left in all")
    return " · ".join(words)
