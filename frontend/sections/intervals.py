"""Each dimension's best factor with its interval, beside what chance alone gives."""

from __future__ import annotations

import streamlit as st

from frontend.components import charts
from frontend.components.dimension import title_of_entry
from frontend.components.measured import Measured
from frontend.places import save_view
from frontend.state import View

PLACE = "factors/intervals"


def show(measured: Measured) -> None:
    """The whole section."""
    save_view(PLACE, View())
    known = [item for item in measured.active if item["nmi"] is not None]
    if not known:
        st.info(
            "No factor can be identified from these frames, so there is no interval to show.", icon=":material/info:"
        )
        return
    st.caption(
        "Each dimension's best factor with its 95% interval over episodes, and what chance alone gives. Grey: not "
        "beyond chance, so it is not identified."
    )
    measured.share(PLACE, "intervals")
    figure = charts.intervals(known, [title_of_entry(item) for item in known])
    st.plotly_chart(figure, key=f"{PLACE}.intervals", config=charts.CONFIG, alt="Best NMI with interval and null")
