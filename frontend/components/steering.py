"""Steering by hand on the page: passes what steering.js chose to the API, and the picture that comes of it back."""

from __future__ import annotations

from typing import Any

import streamlit as st

from frontend.client import client
from frontend.components.assets import register, unheard

_WHEEL = register("steering")
MOST_STEPS = 200


def wheel(key: str, checkpoint: str, episode: int, context: int, size: int) -> list[list[float]]:
    """Drive a model of `size` actions from the end of the context on; returns the actions taken so far."""
    way = f"{checkpoint}.{episode}.{context}"
    actions = _taken(key, way)
    body = {"episode": episode, "context": context, "actions": actions}
    position = client().post(f"/checkpoints/{checkpoint}/steer", body)
    data: dict[str, Any] = {
        **position,
        "way": way,
        "count": len(actions),
        "size": size,
        "context": context,
        "cell": 64,
        "most": MOST_STEPS,
    }
    _WHEEL(key=key, data=data, on_actions_change=unheard)
    return actions


def _taken(key: str, way: str) -> list[list[float]]:
    """The actions of this way; none where the last ones belong to another start."""
    kept = (st.session_state.get(key) or {}).get("actions") or {}
    found = kept.get("actions") if kept.get("way") == way else None
    return [[float(value) for value in row] for row in found or []]
