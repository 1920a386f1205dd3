"""Compare: which dimension of one checkpoint is which of another; what distillation carried over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from frontend import commands
from frontend.client import client
from frontend.components import charts
from frontend.components.pick import describe, select
from frontend.components.scrubber import Cell, Pair, scrubber, short, title
from frontend.components.share import share_chart
from frontend.components.states import empty, live
from frontend.pages import address, link
from frontend.state import TwoCheckpoints, keep_view, key_of, open_view

PAGE = "compare"
ROWS = 8
COLUMNS = 9


def show() -> None:
    """The whole page."""
    st.title("Compare", anchor=False)
    link("returns", "Return curves of several runs")
    found = {item["id"]: item for item in client().items("/checkpoints")}
    if len(found) < 2:
        empty(
            "Two checkpoints are needed",
            "A whole pipeline leaves two: the pretrained video model and the world model that was distilled from it.",
            ":material/compare_arrows:",
            page="train",
            label="Open the training form",
        )
        return
    view = _choose(open_view(PAGE, TwoCheckpoints), found)
    if view.over_training:
        _over_training(view)
        return
    keep_view(PAGE, view)
    if view.first == view.second:
        st.info("These are the same checkpoint. Choose another one on one side.")
        return
    with st.spinner("Encoding the frames of both …"):
        comparison = client().get(f"/checkpoints/{view.first}/compare", {"other": view.second})
    if not comparison["same_environment"]:
        st.warning(
            "These models saw different environments: their dimensions need not have anything in common.",
            icon=":material/warning:",
        )
    _summary(comparison)
    share_chart(
        f"{PAGE}.matches",
        address(PAGE, view.query()),
        f"/checkpoints/{view.first}/compare",
        {"other": view.second},
        partial(commands.match, view.first, view.second),
    )
    _side_by_side(view, comparison)
    _table(comparison)


def _choose(view: TwoCheckpoints, found: Mapping[str, dict[str, Any]]) -> TwoCheckpoints:
    ids = list(found)
    names = lambda name: describe(found[name])  # noqa: E731
    left, right = st.columns(2)
    with left:
        first = select("First", ids, view.first or ids[1], names=names, key=key_of(PAGE, "first"))
    with right:
        second = select("Second", ids, view.second or ids[0], names=names, key=key_of(PAGE, "second"))
    over = st.toggle(
        "Over training: follow the first one's dimensions through every checkpoint of the second one's run",
        view.over_training,
        key=key_of(PAGE, "over"),
    )
    return replace(view, first=first, second=second, over_training=over)


def _over_training(view: TwoCheckpoints) -> None:
    """Curves of matched correlation over a run, names kept, lost and gained, and any checkpoint of it side by side."""
    with st.spinner("Encoding the same frames with every checkpoint …"):
        table = client().get(f"/checkpoints/{view.second}/carried", {"reference": view.first})
    steps = [entry["steps"] for entry in table["checkpoints"]]
    shown = [row for row in table["dimensions"] if row["active"]][:ROWS] or table["dimensions"][:ROWS]
    lines = {title(row["dim"], row["name"]): (steps, row["correlation"]) for row in shown}
    lines = {"mean": (steps, [entry["mean_correlation"] for entry in table["checkpoints"]]), **lines}
    unit = "agent steps" if table["checkpoints"][-1]["stage"] == "finetune" else "updates"
    st.caption(
        f"|correlation| of each dimension of **{table['reference']['name']}** with its match, over {table['frames']:,} "
        f"frames; kept is 0.7 or more."
    )
    figure = charts.curves(lines, axis=unit)
    figure["layout"]["yaxis"] = {"range": [0, 1.02], "title": {"text": "matched correlation"}}
    query = {"reference": view.first}
    share_chart(
        f"{PAGE}.over",
        address(PAGE, view.query()),
        f"/checkpoints/{view.second}/carried",
        query,
        partial(commands.chart, "carried", view.second, query),
    )
    st.plotly_chart(figure, key=f"{PAGE}.carried", config=charts.CONFIG, width="stretch")
    _names_over_training(table, unit)
    ids = [entry["id"] for entry in table["checkpoints"]]
    names = {entry["id"]: f"{entry['steps']:,} {unit}" for entry in table["checkpoints"]}
    at = view.at if view.at in ids else ids[-1]
    if len(ids) > 1:
        key = key_of(PAGE, "at", view.first, view.second)
        at = str(st.select_slider("Side by side at", ids, at, key=key, format_func=names.__getitem__))
    view = replace(view, at="" if at == ids[-1] else at)
    keep_view(PAGE, view)
    number = ids.index(at)
    matches = [
        {"first": row["dim"], "second": row["match"][number], "sign": row["sign"][number]}
        for row in table["dimensions"]
        if row["match"][number] is not None
    ]
    _side_by_side(replace(view, second=at), {"matches": matches})


def _names_over_training(table: Mapping[str, Any], unit: str) -> None:
    """One line a checkpoint."""
    rows = [
        {
            unit: entry["steps"],
            "mean correlation": entry["mean_correlation"],
            **{word: ", ".join(entry[word]) or "none" for word in ("kept", "lost", "gained")},
        }
        for entry in table["checkpoints"]
    ]
    st.dataframe(rows, hide_index=True, alt="Names kept, lost and gained at each checkpoint")


def _summary(comparison: Mapping[str, Any]) -> None:
    left, right = st.columns([1, 4], vertical_alignment="center")
    left.metric(
        "Mean correlation",
        short(comparison["mean_correlation"]),
        help="Of each active dimension of the first with its match in the second, over the frames of both.",
    )
    with right:
        for word, icon, colour in (("kept", "check", "green"), ("lost", "remove", "red"), ("gained", "add", "blue")):
            names = comparison[word]
            badges = " ".join(f":{colour}-badge[:material/{icon}: {name}]" for name in names) or "none"
            st.markdown(f"{word.capitalize()}: {badges}")


@live()
def _side_by_side(view: TwoCheckpoints, comparison: Mapping[str, Any]) -> None:
    """Two scrubbers that move together, row by matched row."""
    atlases = [client().get(f"/checkpoints/{name}/atlas", {"columns": COLUMNS}) for name in (view.first, view.second)]
    details = [client().get(f"/checkpoints/{name}") for name in (view.first, view.second)]
    matches = _strongest(comparison["matches"], atlases[0])
    sides = zip(st.columns(2, gap="large"), ("first", "second"), atlases, details, strict=True)
    for column, side, atlas, detail in sides:
        chosen = [match[side] for match in matches]
        pairs = {match[side]: _pair(match, side) for match in matches}
        with column:
            st.markdown(f"**{detail['name']}**")
            start = Cell(chosen[0], COLUMNS // 2) if chosen else None
            key = f"{PAGE}.{side}.{view.first}.{view.second}"
            scrubber(
                key, atlas, detail["statistics"], chosen=chosen, selected=start, compact=True, group=PAGE, pairs=pairs
            )
    st.caption("Scrub on either side: the matched dimension of the other follows.")


def _pair(match: Mapping[str, Any], side: str) -> Pair:
    return Pair(f"{match['first']}-{match['second']}", match["sign"] if side == "second" and match["sign"] else 1)


def _strongest(matches: Sequence[dict[str, Any]], atlas: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The matches of the first checkpoint's strongest dimensions, by KL."""
    by_first = {match["first"]: match for match in matches}
    active = [row["dim"] for row in atlas["rows"] if row["status"] != "inactive"]
    return [by_first[dim] for dim in active if dim in by_first][:ROWS]


def _table(comparison: Mapping[str, Any]) -> None:
    rows = [
        {
            "first": title(match["first"], match["first_name"]),
            "second": title(match["second"], match["second_name"]),
            "correlation": match["correlation"],
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
            "direction": "Direction",
        },
    )
    left_out = len(comparison["matches"]) - len(rows)
    if left_out:
        st.caption(f"{left_out} pairs that are inactive in both are left out.")


if __name__ == "__main__":
    show()
