"""Select boxes, numbers within limits, and descriptions of checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import streamlit as st

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
    """The nearest value that a widget accepts; a link may contain any value."""
    return max(low, min(value, high))


def most_named(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The checkpoint with the most names; on a tie the one that sees its agent best, then the newest."""
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
