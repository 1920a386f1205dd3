"""Tags and a note about one thing: a run, a checkpoint, a dimension, a data set, an episode."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import streamlit as st

from frontend.client import ApiProblem, client
from frontend.components.markdown import escape_markdown
from frontend.components.states import show_problem


def notes_of(kind: str) -> dict[str, Mapping[str, Any]]:
    """The notes on things of a kind, by id."""
    return {item["id"]: item for item in client().get(f"/notes/{kind}")["items"]}


def tag_badges(stored: Mapping[str, Any] | None) -> str:
    """The tags as badges in Markdown; empty where there are none."""
    return " ".join(f":gray-badge[{escape_markdown(tag)}]" for tag in (stored or {}).get("tags", ()))


def known_tags(notes: Mapping[str, Mapping[str, Any]], suggested: Iterable[str] = ()) -> list[str]:
    """Suggested tags, then all tags used for the kind."""
    return list(dict.fromkeys([*suggested, *sorted(tag for item in notes.values() for tag in item["tags"])]))


def note_button(kind: str, id: str, notes: Mapping[str, Mapping[str, Any]], suggested: Sequence[str] = ()) -> None:
    """A button that opens the form and shows the number of tags. Call it inside a fragment."""
    stored = notes.get(id, {})
    tags = list(stored.get("tags", ()))
    words = ", ".join(tags) or ("Note" if stored.get("note") else "Tags and note")
    with st.popover(words, icon=":material/sell:", key=f"note.{kind}.{id}"), st.form(f"form.{kind}.{id}", border=False):
        chosen = st.multiselect(
            "Tags",
            known_tags(notes, suggested),
            tags,
            accept_new_options=True,
            placeholder="choose, or type a new one",
            key=f"tags.{kind}.{id}",
        )
        note = st.text_area("Note", stored.get("note", ""), max_chars=4000, key=f"text.{kind}.{id}")
        saved = st.form_submit_button("Save", type="primary")
    if saved:
        try:
            client().put(f"/notes/{kind}/{quote(id, safe='')}", {"tags": chosen, "note": note})
        except ApiProblem as problem:
            show_problem(problem)
            return
        st.toast("Kept.")
        st.rerun()
