"""The episodes of a data set: a list, and a player that keeps pictures, reward, actions and factors in step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from frontend.client import client
from frontend.components.notes import note_button, notes_of
from frontend.components.player import play_timeline
from frontend.components.states import live
from frontend.pages import link
from frontend.places import key_of, open_view, save_view
from frontend.state import Played

PLACE = "data"
FLAGS = ("broken", "unusual", "good")  # suggestions; any other tag works too
STRETCH = 200  # frames per request


@live()
def episodes(item: Mapping[str, Any]) -> None:
    """The list of episodes and the player of the one that is chosen."""
    view = open_view(PLACE, Played)
    notes = notes_of("episode")
    number = _choose(item, view, notes)
    start = _stretch(item["lengths"][number], view if number == view.episode else replace(view, frame=0), number)
    timeline = client().get(f"/datasets/{item['id']}/episodes/{number}", {"start": start})
    seen = view.frame - start if number == view.episode and view.frame >= start else 0
    bar = st.container(horizontal=True, vertical_alignment="center")
    step = play_timeline(
        f"{PLACE}.player.{item['id']}.{number}.{start}", timeline, step=min(seen, len(timeline["steps"]) - 1)
    )
    frame = start + (seen if step is None else step)
    save_view(PLACE, Played(item["id"], number, frame))
    with bar:
        note_button("episode", f"{item['id']}/{number}", notes, FLAGS)
        query = {"base": "dataset", "source": item["id"], "episode": str(number), "frame": str(frame)}
        link("traversals", "Traverse from this frame", query)
        st.caption("Drag along the film. With the keyboard: ← → step, Space plays.", width="content")


def _choose(item: Mapping[str, Any], view: Played, notes: Mapping[str, Mapping[str, Any]]) -> int:
    """The episode that is played: the row that was clicked, else the link's."""
    stored = [notes.get(f"{item['id']}/{number}", {}) for number in range(item["episodes"])]
    rows = [
        {
            "episode": number,
            "frames": length,
            "tags": ", ".join(about.get("tags", ())),
            "note": about.get("note", ""),
        }
        for number, (length, about) in enumerate(zip(item["lengths"], stored, strict=True))
    ]
    answer = st.dataframe(
        rows,
        hide_index=True,
        key=key_of(PLACE, "episodes", item["id"]),
        on_select="rerun",
        selection_mode="single-cell",
        height="content" if len(rows) <= 4 else 178,
        alt="Episodes of this data set",
        column_config={
            "episode": st.column_config.NumberColumn("Episode", width="small"),
            "frames": st.column_config.NumberColumn("Frames", width="small"),
            "tags": st.column_config.TextColumn("Tags", width="medium"),
            "note": st.column_config.TextColumn("Note", width="large"),
        },
    )
    cells = answer["selection"]["cells"]
    if cells and cells[0][0] < len(rows):
        return int(cells[0][0])
    return view.episode if 0 <= view.episode < len(rows) else 0


def _stretch(length: int, view: Played, number: int) -> int:
    """The first frame that is shown of a long episode."""
    starts = list(range(0, length, STRETCH))
    if len(starts) == 1:
        return 0
    inside = min(max(0, view.frame), length - 1) // STRETCH * STRETCH
    words = lambda start: f"{start} to {min(length, start + STRETCH) - 1}"  # noqa: E731
    key = key_of(PLACE, "stretch", view.id, number)
    return int(st.select_slider("Frames", starts, inside, key=key, format_func=words, width=420))
