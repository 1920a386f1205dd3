"""Compare: which dimension of one checkpoint is which of another; what distillation carried over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from frontend.client import client
from frontend.components import charts
from frontend.components.markdown import escape_markdown
from frontend.components.pick import describe, select
from frontend.components.scrubber import Cell, Pair, scrubber, short, title
from frontend.components.share import share_chart
from frontend.components.states import empty, gone, live
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
            "A pipeline writes two: the pretrained video model, and the world model that was distilled from it.",
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
    if not view.second:
        st.info(
            f"No other checkpoint learned from the same environment as {escape_markdown(found[view.first]['name'])}. "
            "Choose one on the right to compare with anyway, or train a second one.",
            icon=":material/compare_arrows:",
        )
        return
    if view.first == view.second:
        st.info("These are the same checkpoint. Choose another one on one side.")
        return
    with st.spinner("Encoding the frames of both …"):
        comparison = client().get(f"/checkpoints/{view.first}/compare", {"other": view.second})
    _summary(comparison)
    share_chart(
        f"{PAGE}.matches",
        address(PAGE, view.query()),
        "compare",
        view.first,
        {"other": view.second},
    )
    _side_by_side(view, comparison)
    _table(comparison)


def _choose(view: TwoCheckpoints, found: Mapping[str, dict[str, Any]]) -> TwoCheckpoints:
    for chosen in (view.first, view.second):
        if chosen and chosen not in found:
            gone("checkpoint", chosen, "Another one is shown.")
    ids = list(found)
    names = lambda name: describe(found[name]) if name else "choose a checkpoint"  # noqa: E731
    usual = _pair_of_one_environment(found)
    left, right = st.columns(2)
    with left:
        first = select("First", ids, view.first or usual[0], names=names, key=key_of(PAGE, "first"))
    partner = usual[1] if first == usual[0] else _partner(first, found)
    with right:
        options = [*ids] if view.second or partner else ["", *ids]
        second = select("Second", options, view.second or partner, names=names, key=key_of(PAGE, "second"))
    over = st.toggle(
        "Over training: follow the first one's dimensions through every checkpoint of the second one's run",
        view.over_training,
        key=key_of(PAGE, "over"),
    )
    return replace(view, first=first, second=second, over_training=over)


def _pair_of_one_environment(found: Mapping[str, dict[str, Any]]) -> tuple[str, str]:
    """Two checkpoints whose comparison means something, the older first; no second where there are none."""
    for newer in found:
        partner = _partner(newer, found)
        if partner:
            return partner, newer
    return next(iter(found)), ""


def _partner(id: str, found: Mapping[str, dict[str, Any]]) -> str:
    """Another checkpoint of the same environment."""
    environment = found[id]["environment"]
    same = (other for other in found if other != id and environment and found[other]["environment"] == environment)
    return next(same, "")


def _over_training(view: TwoCheckpoints) -> None:
    """Curves of matched correlation over a run, names kept, lost and gained, and any checkpoint of it side by side."""
    with st.spinner("Encoding the same frames with every checkpoint …"):
        table = client().get(f"/checkpoints/{view.second}/carried", {"reference": view.first})
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
        f"{table['frames']:,} frames. A name is kept at 0.7 or more, if that is more than chance gives."
    )
    figure = charts.curves(lines, axis=unit)
    figure["layout"]["yaxis"] = {"range": [0, 1.02], "title": {"text": "matched correlation"}}
    query = {"reference": view.first}
    share_chart(
        f"{PAGE}.over",
        address(PAGE, view.query()),
        "carried",
        view.second,
        query,
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


def _summary(comparison: Mapping[str, Any]) -> None:
    left, right = st.columns([1, 3], vertical_alignment="center")
    value, chance = comparison["mean_correlation"], comparison["mean_null"]
    low, high = comparison["mean_interval"]
    told = value > chance
    with left:
        st.metric(
            "Mean correlation",
            short(value) if told else ":gray[—]",
            help="Of each active dimension of the first with its match in the second, over the frames of both. Chance: "
            "what 95% of pairs stay below when the episodes of one model are shuffled.",
        )
        spread = f"{short(low)} to {short(high)} over episodes; chance gives up to {short(chance)}"
        untold = f"Measured {short(value)}, which cannot be told from {comparison['episodes']} episodes: "
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
            st.markdown(f"**{escape_markdown(detail['name'])}**")
            start = Cell(chosen[0], -1) if chosen else None
            key = f"{PAGE}.{side}.{view.first}.{view.second}"
            scrubber(key, atlas, chosen=chosen, selected=start, compact=True, group=PAGE, pairs=pairs)
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
            "interval": f"{short(match['interval'][0])} to {short(match['interval'][1])}",
            "chance": match["null"],
            "told": "yes" if match["correlation"] > match["null"] else "cannot be told",
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


if __name__ == "__main__":
    show()
