"""Giving a dimension a human name, which then stands in every grid, caption and file name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from frontend.client import ApiProblem, client
from frontend.components.states import show_problem


def label_form(checkpoint: str, dim: int, atlas: Mapping[str, Any]) -> None:
    """Name and note of a dimension; a saved name wins over the one found from the factors."""
    row = next(row for row in atlas["rows"] if row["dim"] == dim)
    name = row["name"] if row["name"] != f"dim {dim}" else ""
    with st.form(f"label.{checkpoint}.{dim}", border=False):
        text = st.text_input("Name", name, max_chars=60, placeholder="hip angle", help="Empty: back to the found name.")
        note = st.text_input("Note", max_chars=400, placeholder="what you saw, for the others")
        saved = st.form_submit_button("Save", type="primary")
    if saved:
        try:
            client().put(f"/checkpoints/{checkpoint}/labels/{dim}", {"name": text.strip(), "note": note.strip()})
        except ApiProblem as problem:
            show_problem(problem)
            return
        st.toast(f"dim {dim} is now called “{text.strip()}”" if text.strip() else f"dim {dim} has its found name again")
        st.rerun()
