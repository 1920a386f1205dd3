"""The header of every page: its title, this session's checkpoint, what that model sees, and the page's sections."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from urllib.parse import quote

import streamlit as st

from frontend.client import ApiProblem, client
from frontend.components.pick import describe, most_named
from frontend.components.quality import quality_line
from frontend.components.states import empty, gone
from frontend.pages import CHECKPOINT, PAGES
from frontend.places import CURRENT, came_by_link, section_of

_PICK = "header.checkpoint"
LISTED, SHOWN = 200, 12  # checkpoints in the list, and in search results


def header(page: str) -> None:
    """Draw it; `current` returns the checkpoint chosen here from now on, on every page."""
    about = PAGES[page]
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="header"):
        st.title("DisWM Studio" if page == "home" else about.title, anchor=False, width="content")
        listed = client().get("/checkpoints", {"limit": LISTED})
        found = listed["items"]
        if not found:
            st.session_state.pop(CURRENT, None)
            return
        found += _besides(page, {entry["id"] for entry in found})
        missing = _missing(page, found)
        item = _pick(page, found)
        if listed["next_cursor"]:
            _search()
        if about.model:
            quality_line(item)
    if missing:
        gone("checkpoint", missing, "Another one is shown.")


def current() -> str:
    """The id of the checkpoint in the header; empty where there is none, with a hint on what to do next."""
    chosen = str(st.session_state.get(CURRENT, ""))
    if not chosen:
        empty(
            "No checkpoint yet",
            "Train a model: the preset `tiny` takes a few minutes, and its checkpoint appears here.",
            ":material/neurology:",
            page="train",
            label="Open the training form",
        )
    return chosen


def open_section(page: str, *, without: Collection[str] = ()) -> str:
    """The open section: the link's, else the last one of this session, until another one is chosen here."""
    names = {name: label for name, label in PAGES[page].sections.items() if name not in without}
    key, left = f"{page}.section", f"{page}.open"
    if came_by_link(page):
        st.session_state[key] = section_of(page, st.query_params.to_dict())
    elif key not in st.session_state:
        st.session_state[key] = st.session_state.get(left)
    if st.session_state[key] not in names:
        st.session_state[key] = next(iter(names))
    chosen = st.segmented_control(
        f"Section of {PAGES[page].title}",
        list(names),
        required=True,
        key=key,
        format_func=names.__getitem__,
        label_visibility="collapsed",
    )
    st.session_state[left] = chosen or next(iter(names))
    return str(st.session_state[left])


def _besides(page: str, known: Collection[str]) -> list[dict[str, Any]]:
    """Checkpoints that are not among the newest: the link's, the session's, and those found by a search."""
    wanted = dict.fromkeys([_asked(page), str(st.session_state.get(CURRENT, ""))])
    found = []
    for id in wanted:
        if id and id not in known:
            try:
                found.append(client().get(f"/checkpoints/{quote(id, safe='')}"))
            except ApiProblem as problem:
                if problem.status not in (404, 409, 422):
                    raise
    return found


def _search() -> None:
    """A search over all checkpoints, where there are too many for the list."""
    with st.popover("Search", icon=":material/search:", key="header.search"):
        text = st.text_input("Search checkpoints", key="header.words", placeholder="name, environment, stage")
        found = client().get("/checkpoints", {"limit": SHOWN, "search": text})["items"] if text.strip() else []
        for item in found:
            key = f"header.found.{item['id']}"
            st.button(describe(item), type="tertiary", key=key, on_click=_choose, args=(item["id"],))
        st.caption(
            "No checkpoint has all these words."
            if text.strip() and not found
            else f"The list holds the newest {LISTED}."
        )


def _choose(id: str) -> None:
    st.session_state[CURRENT] = st.session_state[_PICK] = id


def _pick(page: str, found: list[dict[str, Any]]) -> dict[str, Any]:
    """The select box of checkpoints, newest first; it starts at the one with most names."""
    by_id = {item["id"]: item for item in found}
    asked = _asked(page)
    if asked in by_id:
        st.session_state[CURRENT] = asked
        st.session_state[_PICK] = asked
    elif st.session_state.get(_PICK) not in by_id:
        left = st.session_state.get(CURRENT)
        st.session_state[_PICK] = left if left in by_id else most_named(found)["id"]
    chosen = st.selectbox(
        "Checkpoint",
        list(by_id),
        key=_PICK,
        format_func=lambda id: describe(by_id[id]),
        label_visibility="collapsed",
        width=420,
    )
    st.session_state[CURRENT] = chosen or next(iter(by_id))
    return by_id[st.session_state[CURRENT]]


def _asked(page: str) -> str:
    """The checkpoint that a link names; empty without a link."""
    return str(st.query_params.get(CHECKPOINT, "")) if came_by_link(page) else ""


def _missing(page: str, found: list[dict[str, Any]]) -> str:
    """The checkpoint that a link names, if it does not exist here."""
    asked = _asked(page)
    return asked if asked and asked not in {item["id"] for item in found} else ""
