"""Contexts: the states of an episode drawn beside frames of other episodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from frontend.client import client
from frontend.components.markdown import escape_markdown
from frontend.components.pick import within
from frontend.components.player import play_timeline
from frontend.components.share import share
from frontend.components.states import live
from frontend.places import key_of, open_view, open_view_of, save_view
from frontend.state import Contexts

PLACE = "imagine/contexts"
WORDS = (
    "**Still**: pixels where neither episode moves. Exchanging the frame alone, or the state alone, should change them "
    "to the other episode's look (1) or not (0). **Motion**: how much of the change over half an episode is drawn."
)


def show() -> None:
    """The whole section."""
    view = open_view_of(PLACE, Contexts)
    detail = client().get(f"/checkpoints/{view.checkpoint}")
    if not detail["capabilities"]["sees_context"]:
        st.info(
            "This checkpoint draws its states alone. Models that see a frame beside them: **Train and Runs**, Pretrain "
            "with context as image networks, then the method **contextwm**.",
            icon=":material/layers:",
        )
        return
    last = detail["clip"]["episodes"] - 1
    if not last:
        st.info("The clip of this checkpoint has one episode: no other gives a frame.", icon=":material/layers:")
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        key = key_of(PLACE, "episode", view.checkpoint)
        episode = int(st.number_input("Episode", 0, last, int(within(view.episode, 0, last)), key=key, width=110))
        most = min(6, last)
        key = key_of(PLACE, "count", view.checkpoint)
        count = int(st.number_input("Other frames", 1, most, int(within(view.count, 1, most)), key=key, width=130))
    view = replace(view, episode=episode, count=count)
    save_view(PLACE, view)
    with st.spinner("Drawing the states beside other frames …"):
        timeline = client().get(f"/checkpoints/{view.checkpoint}/contexts", view.api())
    _play(timeline)


@live()
def _play(timeline: Mapping[str, Any]) -> None:
    view = open_view(PLACE, Contexts)
    st.markdown(escape_markdown(timeline["says"]))
    share(PLACE, view, "contexts", view.checkpoint, view.api(), "The same states in every row.")
    play_timeline(f"{PLACE}.player", timeline)
    st.caption(WORDS)
    if timeline["read"]:
        st.markdown(
            "**What the states hold**: each factor read linearly from them, in episodes that were not fitted (0: no "
            "better than its mean)"
        )
        rows = [{"factor": row["factor"], "R²": f"{row['r2']:.2f}"} for row in timeline["read"]]
        st.dataframe(rows, hide_index=True, width="content")
