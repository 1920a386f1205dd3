"""Curves of a run and of others beside it: returns first, then losses, over updates or steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from frontend.client import client
from frontend.components import charts
from frontend.components.returns import name_random, returns_first
from frontend.components.words import ENDED

COUNTERS = ("updates", "agent_steps", "environment_steps")
FIRST = ("evaluation_return", "episode_return", "image", "latent", "dynamics", "distillation")  # drawn at first
QUIET = ("gradient_norm", "distill_weight", "frames_per_second")  # not drawn at first
SHARES = ("effective_share", "weights_cut")  # of a batch, of methods that weigh recorded steps
SHARES_SAY = (
    "**effective_share**: effective sample size as a share of the recorded steps, 1 where the policy does what was "
    "recorded, near 0 where few steps speak for it and the model that was refitted to it is a guess. **weights_cut**: "
    "share of the steps whose weight was cut."
)
POINTS = 2_000  # of each metric in a curve that is opened
METRICS = "train/runs.metrics"  # lines that this session has loaded, by run


def _without_curves(run: Mapping[str, Any]) -> str:
    if run["stage"] == "collect":
        return "Collecting trains nothing, so there are no curves. Its result is a data set."
    return (
        "This run ended before its first metrics."
        if run["state"] in ENDED
        else "Curves appear here with the first update."
    )


def run_curves(run: Mapping[str, Any], others: Sequence[str], names: Mapping[str, str]) -> None:
    """The curves; `others` are the runs beside it, `names` what each run is called."""
    lines = _of_one_stage(run["id"], _metrics(run["id"]))
    metrics = {name for line in lines for name in line} - {"time", "phase", *COUNTERS}
    if not metrics:
        st.caption(_without_curves(run))
        return
    counters = [name for name in COUNTERS if any(line.get(name) for line in lines)] or ["updates"]
    axis = st.segmented_control(
        "Over",
        counters,
        default=counters[0],
        required=True,
        key=f"axis.{run['id']}",
        format_func=lambda name: name.replace("_", " "),
    )
    returns, losses = returns_first(metrics - set(SHARES))
    shares = [name for name in SHARES if name in metrics]
    found = {names[run["id"]]: lines} | {names[other]: _same_stage(_metrics(other), lines) for other in others}
    for title, group, log in (
        ("Return", returns, False),
        ("Effective sample size", shares, False),
        ("Losses", losses, True),
    ):
        if group:
            start = [name for name in FIRST if name in group] or [name for name in group if name not in QUIET][:4]
            shown = st.pills(title, group, selection_mode="multi", default=start, wrap=True, key=f"{title}.{run['id']}")
            figure = charts.curves(_series(found, shown, axis or "updates"), axis=axis or "updates", log=log)
            st.plotly_chart(figure, key=f"figure.{title}.{run['id']}", config=charts.CONFIG, alt=f"{title} over {axis}")
            if group is shares:
                st.caption(SHARES_SAY)


def _of_one_stage(run: str, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines of one stage of a pipeline, as each stage counts its updates from zero.

    The last stage, unless another is chosen.
    """
    stages = list(dict.fromkeys(map(_stage, lines)))
    if len(stages) < 2:
        return lines
    stage = st.segmented_control("Stage", stages, default=stages[-1], required=True, key=f"stage.{run}.{len(stages)}")
    return [line for line in lines if _stage(line) == (stage or stages[-1])]


def _same_stage(lines: list[dict[str, Any]], like: list[dict[str, Any]]) -> list[dict[str, Any]]:
    stages = set(map(_stage, like))
    return [line for line in lines if _stage(line) in stages] or lines


def _stage(line: Mapping[str, Any]) -> str:
    """`pretrain`, or `finetune`, whose lines are of updates, episodes and evaluations."""
    return "pretrain" if line.get("phase", "pretrain") == "pretrain" else "finetune"


def _series(
    found: Mapping[str, list[dict[str, Any]]], names: list[str], axis: str
) -> dict[str, tuple[list[float], list[float]]]:
    series = {}
    for run, lines in found.items():
        for name in names:
            points = [(line.get(axis, 0), line[name]) for line in lines if name in line]
            label = name if len(found) == 1 else f"{run}: {name}"
            series[label] = ([x for x, _ in points], [y for _, y in points])
    return series


def _metrics(run: str) -> list[dict[str, Any]]:
    """The metric lines of a run: its curve so far in `POINTS` points, then every new line."""
    seen: dict[str, tuple[int, list[dict[str, Any]]]] = st.session_state.setdefault(METRICS, {})
    since, lines = seen.get(run, (0, []))
    answer = client().get(f"/runs/{run}/metrics", {"since": since} if since else {"points": POINTS})
    if answer["next"] < since:  # the run was cut back to its last save, and continues
        lines, answer = [], client().get(f"/runs/{run}/metrics", {"points": POINTS})
    seen[run] = (answer["next"], lines + name_random(answer["items"]))
    return seen[run][1]
