"""Keeping a view in the gallery, with a title and a note."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from frontend.client import ApiProblem, client
from frontend.components.states import show_problem


def keep_button(key: str, link: str, kind: str, checkpoint: str, query: Mapping[str, Any], title: str) -> None:
    """A button that opens the form; `query` draws the view, `link` is the address that reopens it."""
    with st.popover("Keep", icon=":material/bookmark_add:", key=f"{key}.keep"):
        st.caption("Kept views appear in the gallery on Home and can be exported as a report.")
        with st.form(f"{key}.keep.form", border=False, clear_on_submit=True):
            name = st.text_input("Title", title, max_chars=200, key=f"{key}.keep.title.{title}")
            note = st.text_area("Note", max_chars=4000, placeholder="what can be seen here", key=f"{key}.keep.note")
            saved = st.form_submit_button("Keep it", type="primary")
    if saved:
        address = urlsplit(link)
        body = {
            "kind": kind,
            "checkpoint": checkpoint,
            "view": {field: value for field, value in query.items() if value is not None},
            "title": name.strip() or title,
            "note": note.strip(),
            "link": f"{address.path.rpartition('/')[2]}?{address.query}",
        }
        try:
            client().post("/gallery", body)
        except ApiProblem as problem:
            show_problem(problem)
            return
        st.toast("It is now in the gallery on Home.")
