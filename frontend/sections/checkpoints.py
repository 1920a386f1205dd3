"""Two checkpoints: which dimension of one is which of the other; what distillation carried over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from frontend.client import client
from frontend.components.beside import choose_second, side_by_side
from frontend.components.markdown import escape_markdown
from frontend.components.scrubber import short, title
from frontend.components.share import share_chart
from frontend.places import link_of, open_view_of, save_view, start_anew
from frontend.state import TwoCheckpoints

PLACE = "compare/checkpoints"


def show() -> None:
    """The whole section."""
    view = open_view_of(PLACE, TwoCheckpoints)
    view = replace(view, second=choose_second(PLACE, view.checkpoint, view.second, _choose))
    save_view(PLACE, view)
    if not view.second:
        return
    if view.second == view.checkpoint:
        st.info("Both sides show the same checkpoint. Choose another one on one side.")
        return
    query = {"other": view.second}
    with st.spinner("Encoding the frames of both …"):
        comparison = client().get(f"/checkpoints/{view.checkpoint}/compare", query)
    _summary(comparison)
    share_chart(f"{PLACE}.matches", link_of(PLACE, view), "compare", view.checkpoint, query)
    side_by_side(view.checkpoint, view.second, comparison["matches"])
    _table(comparison)


def _choose(second: str) -> None:
    start_anew(PLACE, replace(open_view_of(PLACE, TwoCheckpoints), second=second))


def _summary(comparison: Mapping[str, Any]) -> None:
    left, right = st.columns([1, 3], vertical_alignment="center")
    value, chance = comparison["mean_correlation"], comparison["mean_null"]
    low, high = comparison["mean_interval"]
    told = value > chance
    with left:
        st.metric(
            "Mean correlation",
            short(value) if told else ":gray[—]",
            help="Each active dimension of the first with its match in the second, over the frames of both. Chance: "
            "what 95% of pairs stay below when the episodes of one model are shuffled.",
        )
        spread = f"{short(low)} to {short(high)} over episodes; chance gives up to {short(chance)}"
        untold = f"Measured {short(value)}, which cannot be identified from {comparison['episodes']} episodes: "
        st.caption(spread if told else f"{untold}{spread}")
    with right:
        if comparison["kept"] is None:
            st.warning(
                "These models learned from different environments. Their dimensions need not have anything in common, "
                "so no name is called kept or lost.",
                icon=":material/warning:",
            )
            return
        for word, icon, colour in (("kept", "check", "green"), ("lost", "remove", "red"), ("gained", "add", "blue")):
            names = comparison[word]
            badges = " ".join(f":{colour}-badge[:material/{icon}: {escape_markdown(name)}]" for name in names) or "none"
            st.markdown(f"{word.capitalize()}: {badges}")


def _table(comparison: Mapping[str, Any]) -> None:
    rows = [
        {
            "first": title(match["first"], match["first_name"]),
            "second": title(match["second"], match["second_name"]),
            "correlation": match["correlation"],
            "interval": f"{short(match['interval'][0])} to {short(match['interval'][1])}",
            "chance": match["null"],
            "told": "yes" if match["correlation"] > match["null"] else "not identified",
            "direction": "same" if match["sign"] >= 0 else "reversed",
        }
        for match in sorted(comparison["matches"], key=lambda match: -float(match["correlation"]))
        if match["first_active"] or match["second_active"]
    ]
    st.dataframe(
        rows,
        hide_index=True,
        alt="Matches of active dimensions",
        column_config={
            "first": "First",
            "second": "Second",
            "correlation": st.column_config.ProgressColumn("Correlation", format="%.2f", min_value=0, max_value=1),
            "interval": st.column_config.TextColumn("95% interval"),
            "chance": st.column_config.NumberColumn("By chance", format="%.2f"),
            "told": "Beyond chance",
            "direction": "Direction",
        },
    )
    left_out = len(comparison["matches"]) - len(rows)
    if left_out:
        st.caption(f"{left_out} pairs of dimensions that are inactive in both are left out.")
