"""Imitation: a recorded episode, what the policy makes of its start in imagination, and how alike the states are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from frontend.client import client
from frontend.components.player import play_timeline
from frontend.components.share import share
from frontend.components.states import live
from frontend.components.stretch import choose_span
from frontend.places import keep_words, open_view, open_view_of
from frontend.state import Imitation

PLACE = "imagine/imitation"
WORDS = (
    "1: the policy is in the recorded state; 0: the states have nothing in common. **same actions**: the model's own "
    "error under the recorded actions. **other episodes**: how alike states are by chance."
)

EXPERT = "The episode is an expert's, and nothing was learned from it."
NO_EXPERT = (
    "The episode is one of this checkpoint's clip and no expert's: this policy was not taught to follow it, so a "
    "distance as to other episodes is no fault."
)


def show() -> None:
    """The whole section."""
    view = open_view_of(PLACE, Imitation)
    detail = client().get(f"/checkpoints/{view.checkpoint}")
    if not detail["policy"]:
        st.info(
            "This checkpoint has no policy. Learn one: **Train and Runs**, Learn from recorded episodes.",
            icon=":material/school:",
        )
        return
    drawn = _words(view)
    with st.popover(drawn, icon=":material/tune:", key=f"{PLACE}.stretch"):
        view = choose_span(PLACE, view, detail["clip"])
    keep_words(PLACE, view, drawn, _words(view))
    with st.spinner("Imagining what the policy does …"):
        timeline = client().get(f"/checkpoints/{view.checkpoint}/imitation", view.api())
    _play(timeline, EXPERT if detail["stage"] == "offline" else NO_EXPERT)


def _words(view: Imitation) -> str:
    """`Episode 0: 5 seen, 15 imagined`."""
    return f"Episode {view.episode}: {view.context} seen, {view.horizon} imagined"


@live()
def _play(timeline: Mapping[str, Any], whose: str) -> None:
    view = open_view(PLACE, Imitation)
    titles = {
        "policy": "Policy: distance at the last step",
        "same actions": "Same actions",
        "other episodes": "Other episodes",
    }
    with st.container(horizontal=True, gap="large"):
        for name, title in titles.items():
            if name in timeline["distances"]:
                st.metric(title, f"{timeline['distances'][name]:.2f}", width="content")
    share(PLACE, view, "imitation", view.checkpoint, view.api(), "The distance is 1 less the likeness.")
    play_timeline(f"{PLACE}.player", timeline)
    st.caption(f"{whose} {WORDS}")
