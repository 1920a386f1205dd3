"""Flow: which way each pixel of an episode moves, where that is known, and how right it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from frontend.components.clip_episode import clip_episode
from frontend.components.markdown import escape_markdown
from frontend.components.player import play_timeline
from frontend.components.share import share
from frontend.components.states import live
from frontend.places import open_view
from frontend.state import Flow

PLACE = "imagine/flow"
COLUMNS = {"everywhere": "all pixels", "moving": "moving pixels", "hidden": "hidden in the next frame"}
WHEEL = """
<div style="display:flex;align-items:center;gap:.6rem;font-size:.85rem" role="img"
     aria-label="Colours of directions: right red, down green, left cyan, up violet; stronger for longer ways">
  <span style="width:2.6rem;height:2.6rem;border-radius:50%;flex:none;background:
    radial-gradient(circle,#222 0,transparent 70%),
    conic-gradient(from 90deg,red,yellow,lime,cyan,blue,magenta,red)"></span>
  <span>The colour is the direction: red to the right, green down, cyan to the left, violet up. Full colour: {scale} px
  and more; grey stands still.</span>
</div>
"""


def show() -> None:
    """The whole section."""
    missing = (
        "This checkpoint has no network of optical flow. The method **flow** learns one beside the world model: "
        "**Train and Runs**, Learn from recorded episodes, offline."
    )
    timeline = clip_episode(PLACE, Flow, missing=missing, icon=":material/air:")
    if timeline is not None:
        _play(timeline)


@live()
def _play(timeline: Mapping[str, Any]) -> None:
    view = open_view(PLACE, Flow)
    st.markdown(escape_markdown(timeline["says"]))
    share(PLACE, view, "flow", view.checkpoint, view.api(), "Each frame shows the way to the next one.")
    st.html(WHEEL.format(scale=f"{timeline['scale']:g}"))
    play_timeline(f"{PLACE}.player", timeline)
    if timeline["errors"]:
        st.markdown("**Mean error in pixels**, with 95% over episodes if they are enough")
        st.dataframe([_row(each) for each in timeline["errors"]], hide_index=True)


def _row(measured: Mapping[str, Any]) -> dict[str, str]:
    return {"": measured["name"], **{title: _spread(measured[column]) for column, title in COLUMNS.items()}}


def _spread(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "none"
    spread = found["interval"]
    return f"{found['mean']:.2f}" + (f" ({spread[0]:.2f} to {spread[1]:.2f})" if spread else "")
