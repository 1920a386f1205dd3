"""Teachers: how a gate weighs several teachers along an episode and over training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from frontend.components.charts import CONFIG, curves
from frontend.components.clip_episode import clip_episode
from frontend.components.markdown import escape_markdown
from frontend.components.player import play_timeline
from frontend.components.share import share
from frontend.components.states import live
from frontend.places import open_view
from frontend.state import Teachers

PLACE = "imagine/teachers"


def show() -> None:
    """The whole section."""
    missing = (
        "This checkpoint was not learned from several teachers. The method **vid2act** does so: **Train and "
        "Runs**, Distil and fine-tune, with at least two checkpoints as its teachers."
    )
    timeline = clip_episode(PLACE, Teachers, missing=missing, icon=":material/groups:")
    if timeline is not None:
        _play(timeline)


@live()
def _play(timeline: Mapping[str, Any]) -> None:
    view = open_view(PLACE, Teachers)
    st.markdown(escape_markdown(timeline["says"]))
    share(PLACE, view, "teachers", view.checkpoint, view.api(), "Weights sum to 1 at every frame.")
    play_timeline(f"{PLACE}.player", timeline)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Over the whole clip**")
        st.dataframe([_row(teacher) for teacher in timeline["teachers"]], hide_index=True)
    with right:
        st.markdown("**Mean weight over training**")
        steps, weights = timeline["history"]["steps"], timeline["history"]["weights"]
        if not steps:
            st.caption("No line of this run's metrics has weights yet.")
            return
        names = [teacher["name"] for teacher in timeline["teachers"]]
        lines = {name: (steps, [row[place] for row in weights]) for place, name in enumerate(names)}
        st.plotly_chart(curves(lines, axis="updates"), config=CONFIG, key=f"{PLACE}.history")


def _row(teacher: Mapping[str, Any]) -> dict[str, Any]:
    spread, other = teacher["interval"], teacher["swapped"]
    return {
        "teacher": teacher["name"],
        "weight": f"{teacher['weight']:.2f}",
        "95% over episodes": f"{spread[0]:.2f} to {spread[1]:.2f}" if spread else "too few episodes",
        "beside another student": "" if other is None else f"{other:.2f}",
        "distance to the student": f"{teacher['distance']:.3f}",
    }
