"""One data set: what it holds, how it was made, and what can be done with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from frontend.client import ApiProblem, client
from frontend.components import pictures
from frontend.components.markdown import escape_markdown
from frontend.components.notes import note_button, notes_of
from frontend.components.states import live, show_problem
from frontend.components.upload_preview import CROPS, summary
from frontend.pages import link
from frontend.places import start_anew
from frontend.sections.dataset_player import PLACE, episodes
from frontend.state import Played

KINDS = {"collected": "collected from a simulator", "clips": "own clips", "published": "published episodes"}


def detail(item: Mapping[str, Any]) -> None:
    """The part of the page below the list."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(escape_markdown(item["name"]), anchor=False, width="content")
        st.caption(f"{KINDS.get(item['kind'], item['kind'])} · `{item['id']}`", width="content")
        link("train", "Pretrain on it", {"stage": "pretrain", "dataset": item["id"]})
        _tags(item)
        with st.popover("Rename", icon=":material/edit:", key=f"{PLACE}.rename.{item['id']}.{item['name']}"):
            _rename(item)
        if st.button("Delete", icon=":material/delete:", key=f"{PLACE}.delete"):
            _delete(item)
    for warning in item["warnings"]:
        st.warning(escape_markdown(warning))
    player, facts = st.columns([3, 2], gap="large")
    with player:
        episodes(item)
    with facts:
        _facts(item)
        with st.expander("Contact sheet: one row per episode, from its start to its end"):
            pictures.picture(client().file(f"/datasets/{item['id']}/strip"), f"Frames of {item['name']}")


def open_dataset(id: str) -> None:
    """Open a data set, or the newest where this id does not exist."""
    start_anew(PLACE, Played(id=id))
    st.rerun()


@live()
def _tags(item: Mapping[str, Any]) -> None:
    note_button("dataset", item["id"], notes_of("dataset"))


def _rename(item: Mapping[str, Any]) -> None:
    name = st.text_input("Name", item["name"], max_chars=200, key=f"{PLACE}.name.{item['id']}")
    if st.button("Save", type="primary", key=f"{PLACE}.save.{item['id']}", disabled=not name.strip()):
        try:
            client().patch(f"/datasets/{item['id']}", {"name": name.strip()})
        except ApiProblem as problem:
            show_problem(problem)
            return
        open_dataset(item["id"])


def _facts(item: Mapping[str, Any]) -> None:
    left, middle, right = st.columns(3)
    left.metric("Episodes", f"{item['episodes']:,}")
    middle.metric("Frames", f"{item['frames']:,}")
    right.metric("Actions", item["action_size"] or "none")
    if item["guessed_factors"] or not item["factor_names"]:
        st.caption("Factors: estimated from the pictures; the true values are not known")
    else:
        st.caption("Factors: the simulator's true values, for every frame")
    if item["factor_names"]:
        st.dataframe(
            [{"factor": name.replace("_", " ")} for name in item["factor_names"]],
            hide_index=True,
            height="content",
            column_config={"factor": "Factor"},
            alt="Factors of this data set",
        )
    if item["settings"]:
        _treatment(item["settings"])
        with st.expander("Settings"):
            st.json(item["settings"])


def _treatment(settings: Mapping[str, Any]) -> None:
    """What was kept of the uploaded files."""
    if "crop" in settings:
        fps = f"{settings['fps']:g}" if settings["fps"] else "as recorded"
        split = f"{settings['split']} frames" if settings["split"] else "one per clip"
        st.caption(
            f"Crop: {CROPS[settings['crop']]} · frames a second: {fps} · keep every n-th: {settings['stride']} · "
            f"episodes: {split}"
        )
    done = [
        f"{escape_markdown(file['name'])}: {note}"
        for file in settings.get("files", [])
        for note in file.get("notes", [])
    ]
    for line in done[:12]:
        st.caption(line)


@st.dialog("Delete this data set?")
def _delete(item: Mapping[str, Any]) -> None:
    st.markdown(f"{escape_markdown(item['name'])}: {summary(item)}. This cannot be undone.")
    if st.button("Delete it", type="primary", icon=":material/delete:"):
        try:
            client().delete(f"/datasets/{item['id']}")
        except ApiProblem as problem:
            show_problem(problem)
            return
        open_dataset("")
