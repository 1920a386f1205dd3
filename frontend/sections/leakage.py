"""Leakage: which dimensions an edit moves once it is decoded and encoded again."""

from __future__ import annotations

import streamlit as st

from frontend.client import client
from frontend.components import charts
from frontend.components.dimension import title_of_entry
from frontend.components.measured import Measured
from frontend.components.scrubber import short
from frontend.places import save_view
from frontend.state import View

PLACE = "factors/leakage"


def show(measured: Measured) -> None:
    """The whole section."""
    save_view(PLACE, View())
    active = measured.active
    with st.spinner("Decoding and encoding again …"):
        leakage = client().get(f"/checkpoints/{measured.checkpoint}/leakage")
    dims, names = [item["dim"] for item in active], [title_of_entry(item) for item in active]
    st.metric(
        "Diagonal share",
        short(leakage["diagonal_share"]),
        help="1: an edit of a dimension moves that dimension alone.",
    )
    st.caption(
        "Edit the row's dimension by one σ, decode, encode again: how many σ the column's dimension moved. "
        "In a disentangled model only the diagonal moves."
    )
    rows = [[leakage["matrix"][row][column] for column in dims] for row in dims]
    measured.share(PLACE, "leakage")
    figure = charts.matrix(rows, names, names, name="σ moved")
    st.plotly_chart(figure, key=f"{PLACE}.leakage", config=charts.CONFIG, alt="Leakage between dimensions")
