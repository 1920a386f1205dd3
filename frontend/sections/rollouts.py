"""Rollouts over training: the same stretch, imagined by several checkpoints of a run, or by any others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from frontend.client import client
from frontend.components.player import play_timeline
from frontend.components.share import share
from frontend.components.states import live
from frontend.components.stretch import choose_stretch
from frontend.places import key_of, open_view, open_view_of, save_view
from frontend.state import Rollout

PLACE = "compare/rollouts"
MOST_CHECKPOINTS = 8


def show() -> None:
    """The whole section."""
    view = open_view_of(PLACE, Rollout)
    detail = client().get(f"/checkpoints/{view.checkpoint}")
    history = client().get(f"/checkpoints/{view.checkpoint}/history")["items"]
    known = {item["id"]: item for item in [*history, *client().items("/checkpoints")]}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        view = choose_stretch(PLACE, view, detail)
    usual = [item["id"] for item in history if item["id"] != view.checkpoint][-MOST_CHECKPOINTS + 1 :]
    start = [id for id in view.others.split(",") if id in known] or usual
    chosen = st.multiselect(
        "Beside these checkpoints",
        [id for id in known if id != view.checkpoint],
        start,
        key=key_of(PLACE, "others", view.checkpoint),
        format_func=lambda id: f"{known[id]['name']} · {known[id]['stage']} · {known[id]['steps']:,}",
        max_selections=MOST_CHECKPOINTS,
        placeholder="choose at least one",
    )
    view = replace(view, others="" if chosen == usual else ",".join(chosen))
    save_view(PLACE, view)
    if not chosen:
        st.info("This run has one checkpoint. Choose others to see beside it.", icon=":material/compare:")
        return
    query = view.beside(chosen)
    with st.spinner("Imagining with every checkpoint …"):
        timeline = client().get(f"/checkpoints/{view.checkpoint}/rollouts", query)
    _play_together(timeline, query)


@live()
def _play_together(timeline: Mapping[str, Any], query: Mapping[str, Any]) -> None:
    view = open_view(PLACE, Rollout)
    share(PLACE, view, "together", view.checkpoint, query, "one step slider for all")
    play_timeline(f"{PLACE}.together", timeline)
