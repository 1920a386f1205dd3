"""Lists that may hold thousands: the newest, what is already chosen, and a search over the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import streamlit as st

from frontend.client import ApiProblem, Query, client

LISTED, SHOWN = 200, 12  # in a list, and in the answer to a search
RUNS_LISTED = 100  # the API's limit for runs


@dataclass(frozen=True)
class Listing:
    """Items by id, newest first. `path` and `query`: the list that they are from; `more`: whether it has others."""

    path: str
    query: Query
    items: Mapping[str, dict[str, Any]]
    more: bool


def listing(path: str, wanted: Iterable[str] = (), query: Query | None = None) -> Listing:
    """The newest items of a list, and those `wanted` by id, as far as they exist."""
    limit = RUNS_LISTED if path == "/runs" else LISTED
    answer = client().get(path, {**(query or {}), "limit": limit})
    items = {item["id"]: item for item in answer["items"]}
    for id in dict.fromkeys(wanted):
        if id and id not in items:
            items |= {found["id"]: found for found in one_of(path, id)}
    return Listing(path, query or {}, items, bool(answer["next_cursor"]))


def one_of(path: str, id: str) -> list[dict[str, Any]]:
    """An item of a list by id; empty where it does not exist."""
    try:
        return [client().get(f"{path}/{quote(id, safe='')}")]
    except ApiProblem as problem:
        if problem.status not in (404, 409, 422):
            raise
        return []


def search(
    within: Listing, what: str, key: str, names: Callable[[dict[str, Any]], str], choose: Callable[[str], None]
) -> None:
    """A search over the whole list, drawn where it is longer than what is listed.

    `what`: the items in words, such as \"checkpoints\"; `choose` is called with the id of what is clicked.
    """
    if not within.more:
        return
    with st.popover("Search", icon=":material/search:", key=f"{key}.search"):
        text = st.text_input(f"Search {what}", key=f"{key}.words", placeholder="name, kind, environment")
        query = {**within.query, "limit": SHOWN, "search": text}
        found = client().get(within.path, query)["items"] if text.strip() else []
        for item in found:
            button = f"{key}.found.{item['id']}"
            st.button(names(item), type="tertiary", key=button, on_click=choose, args=(item["id"],))
        st.caption(
            f"None of the {what} has all these words."
            if text.strip() and not found
            else f"The list holds the newest {len(within.items)}."
        )


def choose_in(key: str) -> Callable[[str], None]:
    """For `search`: what is found becomes the value of the select box with that key, which has no other start value."""

    def choose(id: str) -> None:
        st.session_state[key] = id

    return choose


def chosen_at(key: str) -> str:
    """What the select box with that key has now; empty where it has nothing."""
    return str(st.session_state.get(key) or "")
