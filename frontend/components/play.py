"""Play on the page: starts a play at the API and mounts play.js, which requests its steps through `frontend.relay`."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, NamedTuple

import streamlit as st

from frontend.client import client
from frontend.components.assets import register, unheard
from frontend.components.colours import dimension_colour
from frontend.relay import ticket

_BOARD = register("play")
STEPS = "imagine/play.steps"  # of a file that was just opened, until they are taken


class Asked(NamedTuple):
    """The episode that a link names, -1 for any, and how often a link was opened: each starts a play of its own."""

    seed: int
    edition: int


def board(key: str, checkpoint: Mapping[str, Any], asked: Asked) -> None:
    """Play a checkpoint that takes actions; another checkpoint, a link, or a restart, starts a new play."""
    current = st.session_state.get(f"{key}.play")
    if current is None or current["checkpoint"] != checkpoint["id"] or st.session_state.get(f"{key}.asked") != asked:
        st.session_state[f"{key}.asked"] = asked
        with st.spinner("Starting the simulator …"):
            current = st.session_state[f"{key}.play"] = _begin(checkpoint["id"], current, asked.seed)
    again = _BOARD(key=key, data=_content(current, checkpoint), on_again_change=unheard).again
    if again == current["id"]:
        st.session_state[f"{key}.play"] = _begin(checkpoint["id"], current)
        st.rerun(scope="fragment")


def _begin(checkpoint: str, before: Mapping[str, Any] | None, seed: int = -1) -> Any:
    """A play of an episode, of any where the seed is negative; with the steps of a file that was just opened."""
    if before is not None:
        client().delete(f"/plays/{before['id']}")
    steps = st.session_state.pop(STEPS, [])
    chosen = {"seed": seed, "steps": steps} if seed >= 0 else {"seed": random.randrange(1_000_000)}
    return client().post(f"/checkpoints/{checkpoint}/plays", chosen)


def _content(play: Mapping[str, Any], checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "key": play["id"],
        "base": f"/play/{ticket(play['id'])}",
        "name": checkpoint["name"],
        "actions": play["action_size"],
        "policy": play["policy"],
        "dimensions": [{**item, "colour": dimension_colour(item["dim"])} for item in play["dimensions"]],
        "most": play["most"],
        "moment": play["moment"],
    }
