"""The matrix of dimensions and factors; a cell leads to its dimension's traversal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from frontend.components.dimension import title_of_entry
from frontend.components.markdown import escape_markdown
from frontend.components.matrix import matrix
from frontend.components.measured import Measured
from frontend.components.scrubber import words_of
from frontend.pages import path
from frontend.places import key_of, save_view
from frontend.state import View

PLACE = "factors/matrix"


def show(measured: Measured) -> None:
    """The whole section."""
    save_view(PLACE, View())
    factors, active = measured.factors, measured.active
    if not factors["factor_names"]:
        refused = escape_markdown(", ".join(map(words_of, factors["refused"])))
        st.info(
            f"{refused} cannot be identified from {factors['episodes']} episodes: these factors have one value "
            "per episode, so at least 20 episodes are needed."
            if refused
            else "No factor of these frames is known, so there is nothing to compare with.",
            icon=":material/info:",
        )
        return
    st.caption(
        "Normalised mutual information of each active dimension with each factor. Framed: beyond chance. Grey: cannot "
        f"be told from {factors['episodes']} episodes. Choose a cell to see the dimension's traversal."
    )
    measured.share(PLACE, "factors")
    order = _columns(factors["factor_names"], active)
    place = matrix(
        key_of(PLACE, "matrix", measured.checkpoint),
        [[max(0.0, factors["nmi"][item["dim"]][column]) for column in order] for item in active],
        [title_of_entry(item) for item in active],
        [words_of(factors["factor_names"][column]) for column in order],
        least=[[factors["null"][item["dim"]][column] for column in order] for item in active],
        name="NMI",
        leads_to="opens its traversal",
    )
    if place is not None:
        dim = active[place.row]["dim"]
        st.switch_page(path("traversals"), query_params={"checkpoint": measured.checkpoint, "dim": str(dim)})


def _columns(names: Sequence[str], active: Sequence[Mapping[str, Any]]) -> list[int]:
    """The columns in the order of the rows that name them, so that names stand on the diagonal; then the others."""
    named = [names.index(item["factor"]) for item in active if item["status"] == "named"]
    return list(dict.fromkeys([*named, *range(len(names))]))
