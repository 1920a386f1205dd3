"""Names checked by intervention: what an edit draws, and what a factor of the simulator moves, beside NMI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from frontend.components import charts
from frontend.components.dimension import title_of_entry
from frontend.components.markdown import escape_markdown
from frontend.components.measured import Measured
from frontend.components.scrubber import short, words_of
from frontend.components.states import when_computed
from frontend.places import save_view
from frontend.state import View

PLACE = "factors/interventions"
SIGNS = {True: "✓", False: "✕", None: ""}


def show(measured: Measured) -> None:
    """The whole section: the three answers side by side, and how far each factor moves each dimension."""
    save_view(PLACE, View())
    active = measured.active
    found = when_computed(
        f"/checkpoints/{measured.checkpoint}/interventions",
        "Every dimension is edited, and every factor is set in the simulator. This takes up to a minute, once.",
    )
    if found is None:
        return
    st.caption(
        "NMI says which factor a dimension varies with. Here values are changed instead: a probe of the pixels reports "
        "what an edit of the dimension draws, and a factor is set in the simulator, everything else the same, to see "
        "which dimensions move."
    )
    if found["seen"] or found["set"]:
        measured.share(PLACE, "interventions")
    by_dim = {entry["dim"]: entry for entry in found["dimensions"]}
    entries = [(item, by_dim[item["dim"]]) for item in active]
    _counts([entry for item, entry in entries if item["status"] == "named"])
    st.dataframe(
        [_line(item, entry) for item, entry in entries],
        hide_index=True,
        key=f"{PLACE}.table",
        alt="Names from NMI, from edits and from the simulator",
    )
    if found["set"]:
        _responses(found["set"], active)
    else:
        st.info(f"Factors could not be set: {escape_markdown(found['why'])}.", icon=":material/info:")


def _counts(entries: Sequence[Mapping[str, Any]]) -> None:
    """How many of the names that NMI gave are confirmed."""
    with st.container(horizontal=True, gap="medium"):
        for kind, label, text in (
            (
                "drawn",
                "Edits that change the named factor",
                "Editing the dimension changes the factor that it is named after.",
            ),
            (
                "set",
                "Factors that move their dimension",
                "Of all factors, the one it is named after moves the dimension most.",
            ),
        ):
            st.metric(label, _count([entry[f"{kind}_agrees"] for entry in entries]), help=text, width="content")


def _count(agrees: Sequence[bool | None]) -> str:
    """`4 of 5, 1 not identified`: how many of the named dimensions pass the test; None where it cannot be tested."""
    if not agrees:
        return "no name to check"
    untold = sum(answer is None for answer in agrees)
    stand = sum(answer is True for answer in agrees)
    return f"{stand} of {len(agrees)}" + (f", {untold} not identified" if untold else "")


def _line(item: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, str]:
    named = item["status"] == "named"
    return {
        "Dimension": title_of_entry(item),
        "By NMI": f"{words_of(item['factor'])} {short(item['nmi'])}" if named else item["status"],
        "An edit draws": _found(entry, "drawn"),
        "Moved most by setting": _found(entry, "set"),
        "Also moved by": ", ".join(map(words_of, entry["also"])),
    }


def _found(entry: Mapping[str, Any], kind: str) -> str:
    sign = SIGNS[entry[f"{kind}_agrees"]]
    if not entry[kind]:
        named = entry["status"] == "named" and entry[f"{kind}_agrees"] is None
        return "not identified" if named else f"nothing {sign}".strip()
    return f"{words_of(entry[kind])} ({entry[f'{kind}_move']:.2f} σ) {sign}".strip()


def _responses(table: Mapping[str, Any], active: Sequence[Mapping[str, Any]]) -> None:
    rows = [[factor["moves"][item["dim"]] for item in active] for factor in table["factors"]]
    names = [f"{words_of(item['factor'])}, {item['low']:.2g} to {item['high']:.2g}" for item in table["factors"]]
    st.caption(
        f"How far each dimension moves, in σ, while one factor goes through the middle 90% of its values: mean of "
        f"{table['scenes']} scenes. A disentangled dimension responds to one factor only."
    )
    most = max([1.0, *(value for row in rows for value in row)])
    figure = charts.matrix(rows, names, [title_of_entry(item) for item in active], name="σ", most=most)
    st.plotly_chart(figure, key=f"{PLACE}.responses", config=charts.CONFIG, alt="Response of dimensions to factors")
