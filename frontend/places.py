"""Which view each place of the pages shows, kept for the session and written into the address.

A place is a page, or a page and one of its sections: `traversals`, `imagine/branch`.
"""

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from typing import TypeVar, cast

import streamlit as st

from frontend.pages import CHECKPOINT, PAGES, SECTION, Query, address
from frontend.state import View

CURRENT = "checkpoint.current"  # of this session, chosen on any page
LAST = "page.last"
STALE_S = 15.0  # for so long a browser's message may contain the address from before our last change

V = TypeVar("V", bound=View)


def arrive(page: str) -> None:
    """Say at the start of a run which page is drawn: on another page than before, the address comes from a link."""
    if st.session_state.get(LAST) != page:
        st.session_state.pop(f"{page}.written", None)
        st.session_state.pop(f"{page}.recent", None)
    st.session_state[LAST] = page


def came_by_link(page: str) -> bool:
    """Whether this page did not write the address: it comes from a link, an opened file, or the Back button."""
    query = st.query_params.to_dict()
    return bool(query) and not _is_ours(page, query)


def open_view(place: str, kind: type[V]) -> V:
    """The place's view: from the address if it is new, else as this session left it."""
    page, section = _split(place)
    if came_by_link(page) and section == section_of(page, st.query_params.to_dict()):
        view = kind.from_query(st.query_params.to_dict())
        save_view(place, view)
        st.session_state[f"{place}.edition"] = edition(place) + 1
    return cast(V, st.session_state.get(f"{place}.view") or kind())


def open_view_of(place: str, kind: type[V]) -> V:
    """The place's view of the header's checkpoint: what was chosen for another one belongs to that."""
    view, current = open_view(place, kind), st.session_state[CURRENT]
    left = getattr(view, CHECKPOINT)
    return view if left == current else replace(view if not left else kind(), **{CHECKPOINT: current})


def save_view(place: str, view: View) -> None:
    """Remember the view for this session and write it into the address."""
    page, _ = _split(place)
    st.session_state[f"{place}.view"] = view
    query = query_of(place, view)
    _remember(page, st.query_params.to_dict())
    _remember(page, query)
    st.session_state[f"{page}.written"] = query
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)


def query_of(place: str, view: View) -> dict[str, str]:
    """The query of the link that reopens a view: the checkpoint of the header, the section, and what the view says."""
    page, section = _split(place)
    current = str(st.session_state.get(CURRENT, ""))
    first = next(iter(PAGES[page].sections), "")
    here = {CHECKPOINT: current, SECTION: "" if section == first else section}
    return {**{name: value for name, value in here.items() if value}, **view.query()}


def keep_words(place: str, view: View, drawn: object, now: object) -> None:
    """Remember the view; where a button above says what was chosen before, draw the page again."""
    save_view(place, view)
    if drawn != now:
        st.rerun()


def link_of(place: str, view: View) -> str:
    """The full address of a view, for sharing."""
    return address(_split(place)[0], query_of(place, view))


def section_of(page: str, query: Query) -> str:
    """The section that an address names, the first one where it names none of this page's."""
    sections = PAGES[page].sections
    return query[SECTION] if query.get(SECTION) in sections else next(iter(sections), "")


def edition(place: str) -> int:
    """How often a link was opened at this place: part of its widgets' keys, so that they start from the link."""
    return int(st.session_state.get(f"{place}.edition", 0))


def start_anew(place: str, view: View) -> None:
    """Show another view at a place, its widgets from the start."""
    save_view(place, view)
    st.session_state[f"{place}.edition"] = edition(place) + 1


def key_of(place: str, name: str, *more: object) -> str:
    """A widget's key: it changes when a link is opened, so that the widget starts from the link."""
    return ".".join([place, name, *map(str, more), str(edition(place))])


def _split(place: str) -> tuple[str, str]:
    page, _, section = place.partition("/")
    return page, section


def _is_ours(page: str, query: dict[str, str]) -> bool:
    """Whether the page wrote an address, just now or a moment ago: the browser may not have the last one yet."""
    if query == st.session_state.get(f"{page}.written"):
        return True
    recent: list[tuple[float, dict[str, str]]] = st.session_state.get(f"{page}.recent", [])
    return any(query == known and monotonic() - when < STALE_S for when, known in recent)


def _remember(page: str, query: dict[str, str]) -> None:
    recent = [item for item in st.session_state.get(f"{page}.recent", []) if monotonic() - item[0] < STALE_S]
    st.session_state[f"{page}.recent"] = [*recent, (monotonic(), query)]
