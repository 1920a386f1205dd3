"""An episode of a checkpoint's clip, chosen and asked for, in a section that only some checkpoints can fill."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

import streamlit as st

from frontend.client import ApiProblem, client
from frontend.components.pick import within
from frontend.places import key_of, open_view_of, save_view
from frontend.state import Flow, Teachers

OfEpisode = TypeVar("OfEpisode", Teachers, Flow)


def clip_episode(place: str, kind: type[OfEpisode], *, missing: str, icon: str) -> dict[str, Any] | None:
    """The timeline of the chosen episode, or None after saying what is `missing` where the checkpoint has none."""
    view = open_view_of(place, kind)
    last = client().get(f"/checkpoints/{view.checkpoint}")["clip"]["episodes"] - 1
    key, field = key_of(place, "episode", view.checkpoint), st.empty()
    episode = int(field.number_input("Episode", 0, last, int(within(view.episode, 0, last)), key=key, width=110))
    view = replace(view, episode=episode)
    save_view(place, view)
    path = f"/checkpoints/{view.checkpoint}/{place.rpartition('/')[2]}"
    try:
        timeline: dict[str, Any] = client().get(path, view.api())
    except ApiProblem as problem:
        if problem.status != 422:
            raise
        field.empty()
        st.info(missing, icon=icon)
        return None
    return timeline
