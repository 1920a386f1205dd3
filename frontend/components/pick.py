"""Choosing: one of some things, and the checkpoint that a page is about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import streamlit as st

from frontend.client import client
from frontend.components.states import empty, gone
from frontend.state import CURRENT

T = TypeVar("T")


def select(
    label: str,
    options: Sequence[T],
    start: T,
    *,
    key: str,
    names: Callable[[Any], str] = str,
    width: int | None = None,
    help: str | None = None,
) -> T:
    """A select box that starts from a value (the first one where that is not an option) and always has one."""
    index = options.index(start) if start in options else 0
    found = st.selectbox(label, options, index=index, key=key, format_func=names, width=width or "stretch", help=help)
    return options[index] if found is None else found


def within(value: float, low: float, high: float) -> float:
    """The nearest value that a widget takes; a link may say anything."""
    return max(low, min(value, high))


def pick_checkpoint(chosen: str, *, key: str) -> dict[str, Any] | None:
    """A select box over the checkpoints, newest first; None, and what to do, when there is none.

    Where none is chosen it starts from the one that another page of this session shows, else from that with most names.
    """
    found = client().items("/checkpoints")
    if not found:
        empty(
            "No checkpoint yet",
            "Train a model: the preset `tiny` takes a few minutes, and its checkpoint appears here.",
            ":material/neurology:",
            page="train",
            label="Open the training form",
        )
        return None
    ids = [item["id"] for item in found]
    if chosen and chosen not in ids:
        gone("checkpoint", chosen, "Another one is shown.")
    by_id = {item["id"]: item for item in found}
    known = chosen if chosen in ids else str(st.session_state.get(CURRENT, ""))
    index = ids.index(known if known in ids else most_named(found)["id"])
    pick = st.selectbox(
        "Checkpoint",
        ids,
        index=index,
        key=key,
        format_func=lambda name: describe(by_id[name]),
        label_visibility="collapsed",
    )
    st.session_state[CURRENT] = pick or ids[index]
    return by_id[st.session_state[CURRENT]]


def most_named(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The checkpoint with the most names; of equals the one that sees its agent best, then the newest."""
    return max(found, key=lambda item: (int(item.get("named") or 0), float(item.get("agent_right") or 0)))


def describe(item: dict[str, Any]) -> str:
    """One line about a checkpoint, its name first."""
    return " · ".join([item["name"], *facts(item)])


def facts(item: dict[str, Any]) -> list[str]:
    """What a checkpoint is: environment, size, how many dimensions have names, where it comes from."""
    parts = [item["environment"] or "own videos", f"{item['latents']} latents"]
    if item.get("named"):
        parts.append(f"{item['named']} named")
    return [*parts, {"shipped": "shipped", "import": "imported"}.get(item["source"], item["stage"])]
