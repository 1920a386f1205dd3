"""Naming a dimension; the name then appears in every grid, caption and file name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from frontend.client import ApiProblem, client
from frontend.components.markdown import escape_markdown
from frontend.components.states import show_problem
from frontend.components.words import ago

AUTHOR = "author"  # author of the names given in this session


def label_form(checkpoint: str, dim: int, atlas: Mapping[str, Any]) -> None:
    """Name and note of a dimension; a saved name takes precedence over the computed one."""
    row = next(row for row in atlas["rows"] if row["dim"] == dim)
    given = row.get("source") in ("person", "carried")
    label = label_of(checkpoint, dim) if given else {}
    found = "hip angle" if row["name"] == f"dim {dim}" else row["name"]
    with st.form(f"label.{checkpoint}.{dim}", border=False):
        text = st.text_input(
            "Name",
            row["name"] if given else "",
            max_chars=60,
            placeholder=found,
            help="Leave empty to restore the computed name.",
        )
        note = st.text_input("Note", label.get("note", ""), max_chars=400, placeholder="what you saw, for others")
        author = st.text_input("Your name", st.session_state.get(AUTHOR, ""), max_chars=80, placeholder="kept with it")
        if given:
            st.caption(escape_markdown(origin_of(label)))
        saved = st.form_submit_button("Save", type="primary")
    if saved:
        st.session_state[AUTHOR] = author.strip()
        try:
            body = {"name": text.strip(), "note": note.strip(), "author": author.strip()}
            client().put(f"/checkpoints/{checkpoint}/labels/{dim}", body)
        except ApiProblem as problem:
            show_problem(problem)
            return
        st.toast(
            f"dim {dim} is now called “{escape_markdown(text)}”"
            if text.strip()
            else f"dim {dim} has its computed name again"
        )
        st.rerun()


def label_of(checkpoint: str, dim: int) -> Mapping[str, Any]:
    """What is stored with a name: note, author, time, and where it was carried over from."""
    labels = client().items(f"/checkpoints/{checkpoint}/labels")
    return next((label for label in labels if label["dim"] == dim), {})


def origin_of(label: Mapping[str, Any]) -> str:
    """`Named by Ada, 2 days ago`."""
    if label.get("carried_from"):
        return f"Carried over from {label['carried_from']}"
    words = ["Named", f"by {label['author']}" if label.get("author") else "", ago(label.get("written_at"))]
    return " ".join(word for word in words if word)
