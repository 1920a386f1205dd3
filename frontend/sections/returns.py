"""Return of several runs in one plot, mean and band over seeds, beside what the paper reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from textwrap import wrap
from typing import Any

import streamlit as st

from frontend import commands
from frontend.client import client
from frontend.components.charts import CONFIG, LEGEND, MARGIN
from frontend.components.colours import PALETTE
from frontend.components.listing import listing, search
from frontend.components.markdown import escape_markdown, escape_plotly
from frontend.components.pick import select
from frontend.components.states import empty, gone, live
from frontend.places import key_of, open_view, save_view, start_anew
from frontend.state import Returns

PLACE = "compare/returns"
STAGES = ("finetune", "pipeline")  # those that play episodes
MOST_REASONS = 4  # why a run is left out, said one by one
LEGEND_WIDTH = 44  # characters of a line, so that the legend fits a phone
NEAR = 4  # the paper's marks are drawn if they begin within this many times the steps of these runs
SYMBOLS = [
    f"{mark}{face}" for face in ("-open", "") for mark in ("circle", "square", "triangle-up", "diamond", "cross", "x")
]


def show() -> None:
    """The whole section."""
    view = open_view(PLACE, Returns)
    save_view(PLACE, view)
    asked = [name for name in view.runs.split(",") if name]
    listed = listing("/runs", asked, {"stage": STAGES})
    runs = {id: run for id, run in listed.items.items() if run["stage"] in STAGES}
    if not runs:
        empty(
            "No run has returns yet",
            "Fine-tuning plays episodes and evaluates the policy. Start a run, or several with other seeds or methods.",
            ":material/show_chart:",
            page="train",
            label="Open the training form",
        )
        return
    wanted = [name for name in asked if name in runs] or list(runs)[:6]
    if lost := [name for name in asked if name not in runs]:
        gone("run", ", ".join(lost), "The others are shown.")
    sweep = _chosen_sweep(view.sweep)
    paper = st.toggle("What the paper reports", view.paper, key=key_of(PLACE, "paper"))
    if sweep:
        save_view(PLACE, replace(view, sweep=sweep, paper=paper))
        _sweep(sweep, paper)
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.multiselect(
            "Runs", list(runs), wanted, key=key_of(PLACE, "runs"), format_func=lambda id: _named(runs[id])
        )
        search(listed, "runs", PLACE, _named, _add)
    save_view(PLACE, Returns(",".join(chosen), "", paper))
    if not chosen:
        st.info("Choose at least one run.")
        return
    _plot(Returns(",".join(chosen), "", paper), {name: runs[name]["name"] or name for name in chosen})


def _chosen_sweep(asked: str) -> str:
    """The sweep whose runs are shown; empty for runs chosen one by one, or where there is no sweep."""
    sweeps: list[str] = [sweep["id"] for sweep in client().get("/sweeps")["items"] if sweep["stage"] in STAGES]
    if not sweeps:
        return ""
    if asked and asked not in sweeps:
        gone("sweep", asked, "Runs chosen one by one are shown.")
    return select(
        "Show", ["", *sweeps], asked, key=key_of(PLACE, "sweep"), names=lambda id: id or "runs chosen one by one"
    )


@live()
def _sweep(sweep: str, paper: bool) -> None:
    """How a sweep stands, and its returns: a band for every combination of what varies, over the seeds."""
    found = client().get(f"/sweeps/{sweep}")
    states = ", ".join(f"{count} {state}" for state, count in found["states"].items())
    varied = f"; they differ in {' and '.join(found['varied'])}" if found["varied"] else ""
    st.caption(escape_markdown(f"{found['count']} runs: {states}{varied}."))
    _draw(Returns("", sweep, paper), {run["id"]: _named(run) for run in found["runs"]})


def _named(run: Mapping[str, Any]) -> str:
    return str(run["name"] or run["id"])


def _add(run: str) -> None:
    view = open_view(PLACE, Returns)
    start_anew(PLACE, replace(view, runs=",".join(filter(None, [view.runs, run]))))


@live()
def _plot(view: Returns, names: Mapping[str, str]) -> None:
    _draw(view, names)


def _draw(view: Returns, names: Mapping[str, str]) -> None:
    comparison = client().get("/curves", {"sweep": view.sweep} if view.sweep else {"runs": view.runs})
    left_out = [reason.replace(run, names.get(run, run)) for run, reason in comparison["left_out"].items()]
    for reason in left_out[:MOST_REASONS]:
        st.caption(f":material/info: {escape_markdown(reason)}")
    if len(left_out) > MOST_REASONS:
        st.caption(f":material/info: {len(left_out) - MOST_REASONS} more runs are left out, for such reasons.")
    published = comparison["published"] if view.paper else []
    if comparison["groups"]:
        last = max(group["environment_steps"][-1] for group in comparison["groups"])
        far = [row for row in published if row["environment_steps"][0] > NEAR * last]
        published = [row for row in published if row not in far]
        if far:
            first = min(row["environment_steps"][0] for row in far)
            st.caption(
                f":material/info: The paper's first figures are at {first:,} environment steps, far beyond these runs; "
                "the table has them."
            )
        st.plotly_chart(
            figure(comparison["groups"], comparison["random"], published), config=CONFIG, key=f"{PLACE}.plot"
        )
        rows = [*map(_row, comparison["groups"]), *map(_random_row, comparison["random"])]
        st.dataframe(rows, hide_index=True, alt="Last evaluations", placeholder="")
        if published or far:
            with st.expander("What the paper reports", expanded=bool(far)):
                rows = [_published(row) for row in (*published, *far)]
                st.dataframe(rows, hide_index=True, alt="Published returns")
                st.caption(escape_markdown(comparison["note"]))
    st.caption("The same from the shell")
    st.code(commands.compare(view.runs, view.sweep), language=None, wrap_lines=True)


def figure(
    groups: list[dict[str, Any]], random: list[dict[str, Any]], published: list[dict[str, Any]]
) -> dict[str, Any]:
    """One line with band per group, a dotted one with its band for random actions, one mark per published figure."""
    drawn: list[dict[str, Any]] = []
    for index, group in enumerate(groups):
        colour, steps = PALETTE[index % len(PALETTE)], group["environment_steps"]
        name = "<br>".join(wrap(escape_plotly(f"{group['label']} ({len(group['runs'])})"), LEGEND_WIDTH))
        band = {"x": [*steps, *reversed(steps)], "y": [*group["high"], *reversed(group["low"])]}
        drawn += [
            {"type": "scatter", "mode": "lines", "fill": "toself", "fillcolor": f"{colour}2e", "line": {"width": 0},
             "hoverinfo": "skip", "showlegend": False, "legendgroup": name, **band},
            {"type": "scatter", "mode": "lines+markers", "name": name, "legendgroup": name, "x": steps,
             "y": group["mean"], "line": {"color": colour, "width": 2}, "marker": {"size": 6}},
        ]  # fmt: skip
    far = max((group["environment_steps"][-1] for group in groups), default=0)
    for row in random:
        if row["low"] is not None:
            drawn.append(
                {"type": "scatter", "mode": "lines", "fill": "toself", "fillcolor": "#8888881f", "line": {"width": 0},
                 "hoverinfo": "skip", "showlegend": False, "x": [0, far, far, 0],
                 "y": [row["high"]] * 2 + [row["low"]] * 2}
            )  # fmt: skip
        drawn.append(
            {"type": "scatter", "mode": "lines", "x": [0, far], "y": [row["mean"]] * 2,
             "name": f"random actions in {row['environment']}",
             "line": {"color": "#888888", "dash": "dot", "width": 1.5}}
        )  # fmt: skip
    for index, row in enumerate(published):
        drawn.append(
            {"type": "scatter", "mode": "markers", "x": row["environment_steps"], "y": row["returns"],
             "name": f"paper: {row['method']}, {row['source']} to {row['target']}",
             "marker": {"symbol": SYMBOLS[index % len(SYMBOLS)], "size": 9, "color": "#888888"}}
        )  # fmt: skip
    layout = {
        "height": 460,
        "margin": MARGIN,
        "legend": LEGEND,
        "xaxis": {"title": {"text": "environment steps"}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": "episode return"}},
    }
    return {"data": drawn, "layout": layout}


def _published(row: Mapping[str, Any]) -> dict[str, Any]:
    at = zip(row["environment_steps"], row["returns"], strict=True)
    return {
        "Method": row["method"],
        "From": row["source"],
        "To": row["target"],
        **{f"At {steps:,}": value for steps, value in at},
    }


def _row(group: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Runs of": group["label"],
        "Environment": group["environment"],
        "Seeds": ", ".join(str(seed) for seed in group["seeds"]),
        "Environment steps": round(group["environment_steps"][-1]),
        "Mean return": round(group["mean"][-1], 1),
        "±": f"{group['high'][-1] - group['mean'][-1]:.1f}" if len(group["seeds"]) > 1 else "one seed",
    }


def _random_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Runs of": "random actions",
        "Environment": row["environment"],
        "Seeds": "",
        "Mean return": round(row["mean"], 1),
        "±": "" if row["low"] is None else f"{row['high'] - row['mean']:.1f} over episodes",
    }
