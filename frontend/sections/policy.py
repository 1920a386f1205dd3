"""What the policy reacts to: how far reward, value and actions move with each dimension."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from frontend.client import client
from frontend.components import charts
from frontend.components.listing import listing, search
from frontend.components.markdown import escape_markdown
from frontend.components.measured import Measured
from frontend.components.pick import select
from frontend.components.scrubber import short, title
from frontend.components.share import share_chart
from frontend.pages import link
from frontend.places import key_of, link_of, open_view_of, save_view, start_anew
from frontend.state import Sensitivity

PLACE = "factors/policy"
MOST_ROWS = 12


def show(_: Measured) -> None:
    """The whole section."""
    view = open_view_of(PLACE, Sensitivity)
    detail = client().get(f"/checkpoints/{view.checkpoint}")
    view = replace(view, dataset=_over(view, int(detail["actions"])))
    save_view(PLACE, view)
    query = {"dataset": view.dataset} if view.dataset else {}
    path = f"/checkpoints/{view.checkpoint}/sensitivity"
    with st.spinner("Moving every dimension by one σ …"):
        table = client().get(path, query)
    outcomes, rows = table["outcomes"], _strongest(table)
    names = [title(row["dim"], None if row["name"] == f"dim {row['dim']}" else row["name"]) for row in rows]
    st.caption(
        "A large share here for the dimension of a distractor means that the policy reacts to it. "
        f"How far each outcome moves when a dimension moves by one σ, as a share of the outcome's own spread (SD), "
        f"with 95% intervals: {table['frames']:,} frames, {table['episodes']} episodes resampled."
    )
    share_chart(
        f"{PLACE}.sensitivity",
        link_of(PLACE, view),
        "sensitivity",
        view.checkpoint,
        query,
    )
    st.plotly_chart(charts.shares(rows, outcomes, names), key=f"{PLACE}.shares", config=charts.CONFIG, width="stretch")
    st.dataframe(
        [{"dimension": name, **_cells(row, outcomes)} for name, row in zip(names, rows, strict=True)],
        hide_index=True,
        alt="Sensitivity of each outcome to each dimension",
        column_config={"dimension": "Dimension"},
    )
    for name, row in zip(names[:1], rows[:1], strict=True):
        values = detail["statistics"]
        far = values["mean"][row["dim"]] + 2 * values["std"][row["dim"]]
        branch = {"checkpoint": view.checkpoint, "dim": str(row["dim"]), "value": f"{far:.3g}", "actions": "policy"}
        link("imagine", f"Branch the future on {escape_markdown(name)}", branch)


def _over(view: Sensitivity, actions: int) -> str:
    """The frames that are used: those of the clip, or of a data set with as many actions."""
    listed = listing("/datasets", [view.dataset], {"actions": (actions,)})
    found = listed.items
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen: str = select(
            "Measure over the frames of",
            ["", *found],
            view.dataset,
            names=lambda id: _named(found[id]) if id else "the checkpoint's clip",
            key=key_of(PLACE, "dataset", view.checkpoint),
            width=340,
        )
        search(listed, "data sets", PLACE, _named, lambda id: start_anew(PLACE, replace(view, dataset=id)))
    return chosen


def _named(item: Mapping[str, Any]) -> str:
    return f"{item['name']} ({item['frames']:,} frames)"


def _strongest(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The active dimensions that move the outcomes most."""
    active = [row for row in table["dimensions"] if row["status"] != "inactive"]
    most = lambda row: max(cell["share"] for cell in row["outcomes"].values())  # noqa: E731
    return sorted(active, key=most, reverse=True)[:MOST_ROWS]


def _cells(row: Mapping[str, Any], outcomes: Sequence[str]) -> dict[str, str]:
    """`.29 SD (.24 to .33), −0.030` for each outcome: the size with its interval, and the mean change with its sign."""
    cells = {}
    for outcome in outcomes:
        cell = row["outcomes"][outcome]
        unit = cell["share"] / cell["size"] if cell["size"] else 0.0
        low, high = (short(end * unit) for end in cell["interval"])
        change = f"{cell['mean']:+.2g}".replace("-", "−")
        cells[outcome] = f"{short(cell['share'])} SD ({low} to {high}), on average {change}"
    return cells
