"""The gallery: kept views with notes; together they make a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import streamlit as st

from frontend.client import ApiProblem, File, client
from frontend.components import downloads
from frontend.components.markdown import escape_markdown
from frontend.components.pictures import figure
from frontend.components.states import empty, live, show_problem
from frontend.components.words import ago
from frontend.pages import PAGES, link
from frontend.places import link_of, save_view
from frontend.state import View

PLACE = "home/gallery"


def show() -> None:
    """The whole section."""
    save_view(PLACE, View())
    _gallery()


@live()
def _gallery() -> None:
    pieces = client().get("/gallery")["items"]
    if not pieces:
        empty(
            "Nothing kept yet",
            "“Keep” is next to Download in every view. What you keep is shown here, with your notes.",
            ":material/bookmark:",
            page="traversals",
            label="Open Traversals",
        )
        return
    downloads.save(PLACE, _report(len(pieces)))
    with st.grid(2, gap="medium", min_column_width=420):
        for piece in reversed(pieces):
            with st.container(border=True, key=f"piece.{piece['id']}"):
                _piece(piece)


def _report(count: int) -> File | None:
    """The buttons of the report; returns the file of the button that was clicked."""
    found = None
    with st.container(horizontal=True, vertical_alignment="center"):
        for words, form in (("Report for browsers", "html"), ("Report as PDF", "pdf")):
            if st.button(words, icon=":material/download:", key=f"{PLACE}.{form}"):
                with st.spinner("Drawing every view …"):
                    found = client().file("/gallery/report", {"format": form})
        with st.popover("Link", icon=":material/link:", key=f"{PLACE}.link"):
            st.code(link_of(PLACE, View()), language=None, wrap_lines=True)
        st.caption(f"{count} kept, newest first. A report is one file and works without a network.", width="content")
    return found


def _piece(piece: Mapping[str, Any]) -> None:
    st.markdown(f"**{escape_markdown(piece['title'])}**")
    try:
        figure(client().file(f"/gallery/{piece['id']}/picture"), piece["title"])
    except ApiProblem as problem:
        st.caption(f":material/info: {escape_markdown(problem.detail)}")
    if piece["note"]:
        st.markdown(escape_markdown(piece["note"]))
    st.caption(escape_markdown(f"{piece['checkpoint']} · {ago(piece['written_at'])}"))
    with st.container(horizontal=True, vertical_alignment="center"):
        page, _, query = piece["link"].partition("?")
        if page in PAGES:
            link(page, "Open it", dict(parse_qsl(query)))
        with st.popover("Edit", icon=":material/edit:", key=f"words.{piece['id']}"):
            _words(piece)
        if st.button("Take out", icon=":material/bookmark_remove:", key=f"out.{piece['id']}"):
            client().delete(f"/gallery/{piece['id']}")
            st.rerun()


def _words(piece: Mapping[str, Any]) -> None:
    """A form for another title and note."""
    with st.form(f"words.form.{piece['id']}", border=False):
        title = st.text_input("Title", piece["title"], max_chars=200, key=f"title.{piece['id']}")
        note = st.text_area("Note", piece["note"], max_chars=4000, key=f"noted.{piece['id']}")
        saved = st.form_submit_button("Save", type="primary")
    if saved:
        try:
            client().put(f"/gallery/{piece['id']}", {"title": title.strip() or piece["title"], "note": note.strip()})
        except ApiProblem as problem:
            show_problem(problem)
            return
        st.rerun()
