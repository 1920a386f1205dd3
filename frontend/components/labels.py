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
    given = row.get("source") in ("person", "carried")
    found = "hip angle" if row["name"] == f"dim {dim}" else row["name"]
    with st.form(f"label.{checkpoint}.{dim}", border=False):
        text = st.text_input(
            "Name", row["name"] if given else "", max_chars=60, placeholder=found, help="Empty: back to the found name."
        )
        note = st.text_input(
            "Note", _note(checkpoint, dim) if given else "", max_chars=400, placeholder="what you saw, for the others"
        )
        saved = st.form_submit_button("Save", type="primary")
    if saved:
        try:
            client().put(f"/checkpoints/{checkpoint}/labels/{dim}", {"name": text.strip(), "note": note.strip()})
        except ApiProblem as problem:
            show_problem(problem)
            return
        st.toast(f"dim {dim} is now called “{text.strip()}”" if text.strip() else f"dim {dim} has its found name again")
        st.rerun()


def _note(checkpoint: str, dim: int) -> str:
    """The note that was kept with a name; it comes with the factors, so there is none before they are computed."""
    try:
        labels = client().get(f"/checkpoints/{checkpoint}/factors")["labels"]
    except ApiProblem:
        return ""
    return next((label["note"] for label in labels if label["dim"] == dim), "")
