"""Names checked by intervention: what an edit draws, and what a factor of the simulator moves, beside NMI."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from frontend.components import charts
from frontend.components.dimension import title_of_entry
from frontend.components.scrubber import short, words_of
from frontend.components.states import when_computed

SIGNS = {True: "✓", False: "✕", None: ""}


def interventions(page: str, checkpoint: str, active: Sequence[Mapping[str, Any]], share: Callable[[], None]) -> None:
    """The tab: the three answers side by side, how far each factor moves each dimension, and the row of its files."""
    found = when_computed(
        f"/checkpoints/{checkpoint}/interventions",
        "Every dimension is edited, and every factor set in the simulator. Up to a minute; then it is kept.",
    )
    if found is None:
        return
    st.caption(
        "NMI says what a dimension goes with. Here it is changed instead: a probe of pixels reports what an edit of "
        "the dimension draws; and a factor is set in the simulator, all else the same, to see which dimensions move."
    )
    if found["seen"] or found["set"]:
        share()
    by_dim = {entry["dim"]: entry for entry in found["dimensions"]}
    entries = [(item, by_dim[item["dim"]]) for item in active]
    _counts([entry for _, entry in entries])
    st.dataframe(
        [_line(item, entry) for item, entry in entries],
        hide_index=True,
        key=f"{page}.interventions",
        alt="Names from NMI, from edits and from the simulator",
    )
    if found["set"]:
        _responses(page, found["set"], active)
    else:
        st.info(f"Factors were not set: {found['why']}.", icon=":material/info:")


def _counts(entries: Sequence[Mapping[str, Any]]) -> None:
    """Of the names that can be told, how many stand."""
    with st.container(horizontal=True, gap="medium"):
        for kind, label, text in (
            ("drawn", "Edits that draw their name", "An edit of the dimension draws the factor of its name."),
            ("set", "Factors that move their dimension", "Of all factors, that of its name moves the dimension most."),
        ):
            known = [entry[f"{kind}_agrees"] for entry in entries if entry[f"{kind}_agrees"] is not None]
            value = f"{sum(known)} of {len(known)}" if known else "none to check"
            st.metric(label, value, help=text, width="content")


def _line(item: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, str]:
    named = item["status"] == "named"
    return {
        "Dimension": title_of_entry(item),
        "By NMI": f"{words_of(item['factor'])} {short(item['nmi'])}" if named else item["status"],
        "An edit draws": _found(entry, "drawn"),
        "Moved most by setting": _found(entry, "set"),
    }


def _found(entry: Mapping[str, Any], kind: str) -> str:
    sign = SIGNS[entry[f"{kind}_agrees"]]
    if not entry[kind]:
        return f"nothing {sign}".strip()
    return f"{words_of(entry[kind])} ({entry[f'{kind}_move']:.2f} σ) {sign}".strip()


def _responses(page: str, table: Mapping[str, Any], active: Sequence[Mapping[str, Any]]) -> None:
    rows = [[factor["moves"][item["dim"]] for item in active] for factor in table["factors"]]
    names = [f"{words_of(item['factor'])}, {item['low']:.2g} to {item['high']:.2g}" for item in table["factors"]]
    st.caption(
        f"How far each dimension goes, in σ, while one factor goes through the middle 90% of its values: mean of "
        f"{table['scenes']} scenes. A dimension of its own answers to one factor alone."
    )
    most = max([1.0, *(value for row in rows for value in row)])
    figure = charts.matrix(rows, names, [title_of_entry(item) for item in active], name="σ", most=most)
    st.plotly_chart(figure, key=f"{page}.responses", config=charts.CONFIG, alt="Response of dimensions to factors")
