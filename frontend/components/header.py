"""The header of every page: its title, this session's checkpoint, what that model sees, and the page's sections."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import streamlit as st

from frontend.components.listing import listing, search
from frontend.components.pick import describe, most_named
from frontend.components.quality import quality_line
from frontend.components.states import empty, gone
from frontend.pages import CHECKPOINT, PAGES
from frontend.places import CURRENT, came_by_link, section_of

_PICK = "header.checkpoint"
_GONE = "header.gone"
"""The page whose link named a checkpoint that does not exist, its id, and the checkpoint that is shown instead."""


def header(page: str) -> None:
    """Draw it; `current` returns the checkpoint chosen here from now on, on every page."""
    about = PAGES[page]
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="header"):
        st.title("DisWM Studio" if page == "home" else about.title, anchor=False, width="content")
        with st.skeleton(height=38, width=420):
            listed = listing("/checkpoints", [_asked(page), str(st.session_state.get(CURRENT, ""))])
        if not listed.items:
            st.session_state.pop(CURRENT, None)
            return
        missing = _missing(page, listed.items)
        item = _pick(page, listed.items)
        search(listed, "checkpoints", "header", describe, _choose)
        if about.model:
            quality_line(item)
    if missing:
        st.session_state[_GONE] = (page, missing, item["id"])
    elif came_by_link(page):
        st.session_state.pop(_GONE, None)
    at, named, instead = st.session_state.get(_GONE, ("", "", ""))
    if (at, instead) == (page, item["id"]):  # until another one is chosen: the page may be drawn several times at once
        gone("checkpoint", named, "Another one is shown.")


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


def _choose(id: str) -> None:
    st.session_state[CURRENT] = st.session_state[_PICK] = id


def _pick(page: str, by_id: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The select box of checkpoints, newest first; it starts at the one with most names."""
    asked = _asked(page)
    if asked in by_id:
        st.session_state[CURRENT] = asked
        st.session_state[_PICK] = asked
    elif st.session_state.get(_PICK) not in by_id:
        left = st.session_state.get(CURRENT)
        st.session_state[_PICK] = left if left in by_id else most_named(list(by_id.values()))["id"]
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


def _missing(page: str, found: Collection[str]) -> str:
    """The checkpoint that a link names, if it does not exist here."""
    asked = _asked(page)
    return asked if asked and asked not in found else ""
