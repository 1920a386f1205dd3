"""Dimensions over training: matched correlation through every checkpoint of a run, names kept, lost and gained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from frontend.client import client
from frontend.components import charts
from frontend.components.beside import ROWS, choose_second, side_by_side
from frontend.components.markdown import escape_markdown
from frontend.components.scrubber import title
from frontend.components.share import share_chart
from frontend.places import key_of, link_of, open_view_of, save_view, start_anew
from frontend.state import OverTraining

PLACE = "compare/training"


def show() -> None:
    """The whole section."""
    view = open_view_of(PLACE, OverTraining)
    view = replace(view, second=choose_second(PLACE, view.checkpoint, view.second, _choose))
    save_view(PLACE, view)
    if view.second:
        _follow(view)


def _choose(second: str) -> None:
    start_anew(PLACE, replace(open_view_of(PLACE, OverTraining), second=second, at=""))


def _follow(view: OverTraining) -> None:
    with st.spinner("Encoding the same frames with every checkpoint …"):
        table = client().get(f"/checkpoints/{view.second}/carried", {"reference": view.checkpoint})
    steps = [entry["steps"] for entry in table["checkpoints"]]
    shown = [row for row in table["dimensions"] if row["active"]][:ROWS] or table["dimensions"][:ROWS]
    lines = {title(row["dim"], row["name"]): (steps, row["correlation"]) for row in shown}
    lines = {
        "mean": (steps, [entry["mean_correlation"] for entry in table["checkpoints"]]),
        "mean by chance": (steps, [entry["mean_null"] for entry in table["checkpoints"]]),
        **lines,
    }
    unit = "agent steps" if table["checkpoints"][-1]["stage"] == "finetune" else "updates"
    st.caption(
        f"|correlation| of each dimension of **{escape_markdown(table['reference']['name'])}** with its match, over "
        f"{table['frames']:,} frames. A name is kept if the correlation is at least 0.7 and beyond chance."
    )
    figure = charts.curves(lines, axis=unit)
    figure["layout"]["yaxis"] = {"range": [0, 1.02], "title": {"text": "matched correlation"}}
    query = {"reference": view.checkpoint}
    share_chart(
        f"{PLACE}.over",
        link_of(PLACE, view),
        "carried",
        view.second,
        query,
    )
    if len(steps) > 1:
        st.plotly_chart(figure, key=f"{PLACE}.carried", config=charts.CONFIG, width="stretch")
    else:
        st.caption(
            ":material/info: This run has one checkpoint, so there is no curve yet; its numbers are in the table."
        )
    _names_over_training(table, unit)
    ids = [entry["id"] for entry in table["checkpoints"]]
    names = {entry["id"]: f"{entry['steps']:,} {unit}" for entry in table["checkpoints"]}
    at = view.at if view.at in ids else ids[-1]
    if len(ids) > 1:
        key = key_of(PLACE, "at", view.checkpoint, view.second)
        at = str(st.select_slider("Side by side at", ids, at, key=key, format_func=names.__getitem__))
    view = replace(view, at="" if at == ids[-1] else at)
    save_view(PLACE, view)
    number = ids.index(at)
    matches = [
        {"first": row["dim"], "second": row["match"][number], "sign": row["sign"][number]}
        for row in table["dimensions"]
        if row["match"][number] is not None
    ]
    side_by_side(view.checkpoint, at, matches)


def _names_over_training(table: Mapping[str, Any], unit: str) -> None:
    """One row per checkpoint."""
    words = ("kept", "lost", "gained")
    rows = [
        {
            unit: entry["steps"],
            "mean correlation": entry["mean_correlation"],
            "by chance": entry["mean_null"],
            **{
                word: "other environment" if entry[word] is None else ", ".join(entry[word]) or "none" for word in words
            },
        }
        for entry in table["checkpoints"]
    ]
    st.dataframe(rows, hide_index=True, alt="Names kept, lost and gained at each checkpoint")
