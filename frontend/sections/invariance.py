"""Invariance: how far latents move when one factor alone changes, beside what their own noise moves them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from frontend.client import client
from frontend.components import charts
from frontend.components.markdown import escape_markdown
from frontend.components.measured import Measured
from frontend.components.scrubber import words_of
from frontend.places import save_view
from frontend.state import View

PLACE = "factors/invariance"
SAID = {"within noise": "less than their noise", "beyond noise": "more than their noise", "untold": "not told apart"}


def show(measured: Measured) -> None:
    """The whole section."""
    save_view(PLACE, View())
    with st.spinner("Every factor is set, everything else the same …"):
        table = client().get(f"/checkpoints/{measured.checkpoint}/invariance")
    factors = table["factors"]
    st.caption(
        f"One factor changes, everything else stays: how far the active dimensions move together, with 95% intervals "
        f"over {table['episodes']} episodes. 0: invariant. 1: as far as between two unrelated states. Orange line, "
        f"{table['noise']:.2f}: how far two samples of the latent of one picture are apart."
    )
    if table["source"] == "pictures":
        st.info(f"{escape_markdown(table['why'].capitalize())}.", icon=":material/info:")
    if table["noise"] >= 1:
        st.caption(
            "Two samples of one picture are further apart than two unrelated states: these latents tell little of any "
            "factor yet. Train longer, or lower beta."
        )
    measured.share(PLACE, "invariance")
    names = [words_of(entry["factor"]) for entry in factors]
    figure = charts.moved(factors, names, table["noise"])
    st.plotly_chart(figure, key=f"{PLACE}.moved", config=charts.CONFIG, alt="How far latents move with each factor")
    st.dataframe(
        [_line(entry) for entry in factors],
        hide_index=True,
        key=f"{PLACE}.table",
        alt="How far latents and pictures move with each factor",
    )


def _line(entry: Mapping[str, Any]) -> dict[str, str]:
    low, high = entry["interval"]
    return {
        "Factor": words_of(entry["factor"]),
        "from": f"{entry['low']:.3g}",
        "to": f"{entry['high']:.3g}",
        "Latents move": f"{entry['moved']:.2f} ({low:.2f} to {high:.2f})",
        "Pictures move": f"{entry['picture']:.2f}",
        "Latents move by": SAID[entry["verdict"]],
    }
