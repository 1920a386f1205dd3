"""Data sets: what the models learn from; upload your own clips or collect from a simulator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from frontend.client import ApiProblem, client
from frontend.components import pictures
from frontend.components.markdown import escape_markdown
from frontend.components.states import empty, show_problem
from frontend.components.words import ago
from frontend.pages import link
from frontend.state import Chosen, edition, keep_view, key_of, open_view

PAGE = "datasets"
KINDS = {"collected": "collected from a simulator", "clips": "own clips", "published": "published episodes"}


def show() -> None:
    """The whole page."""
    st.title("Data sets", anchor=False)
    view = open_view(PAGE, Chosen)
    found = client().items("/datasets")
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.popover("Upload clips", icon=":material/upload:", type="primary"):
            _upload()
        link("train", "Collect from a simulator", {"stage": "collect"})
    if not found:
        empty(
            "No data set yet",
            "Upload videos (mp4, mov, m4v, mkv, webm, avi, gif), npz episodes or a zip of frames; or collect from a "
            "dm_control task, where every frame knows its true factors.",
            ":material/photo_library:",
        )
        return
    chosen = _table(found, view)
    keep_view(PAGE, replace(view, id=chosen["id"]))
    _detail(client().get(f"/datasets/{chosen['id']}"))


def _table(found: list[dict[str, Any]], view: Chosen) -> dict[str, Any]:
    rows = [
        {
            "name": item["name"],
            "from": item["environment"] or KINDS.get(item["kind"], item["kind"]),
            "episodes": item["episodes"],
            "frames": item["frames"],
            "factors": len(item["factor_names"]),
            "made": ago(item["created_at"]),
            "note": "; ".join(item["warnings"]),
        }
        for item in found
    ]
    answer = st.dataframe(
        rows,
        hide_index=True,
        key=key_of(PAGE, "table", len(found)),
        on_select="rerun",
        selection_mode="single-cell",
        alt="All data sets",
        column_config={
            "name": st.column_config.TextColumn("Name", width="medium"),
            "from": st.column_config.TextColumn("From"),
            "episodes": st.column_config.NumberColumn("Episodes", width="small"),
            "frames": st.column_config.NumberColumn("Frames", format="localized", width="small"),
            "factors": st.column_config.NumberColumn("Factors", width="small"),
            "made": st.column_config.TextColumn("Made", width="small"),
            "note": st.column_config.TextColumn("Note", width="large"),
        },
    )
    selected = answer["selection"]["cells"]
    if selected and selected[0][0] < len(found):
        return found[selected[0][0]]
    return next((item for item in found if item["id"] == view.id), found[0])


def _detail(item: Mapping[str, Any]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(escape_markdown(item["name"]), anchor=False, width="content")
        st.caption(f"{KINDS.get(item['kind'], item['kind'])} · `{item['id']}`", width="content")
        link("train", "Pretrain on it", {"stage": "pretrain", "dataset": item["id"]})
    for warning in item["warnings"]:
        st.warning(escape_markdown(warning))
    sheet, facts = st.columns([3, 2], gap="large")
    with sheet:
        sheet_file = client().file(f"/datasets/{item['id']}/strip")
        pictures.picture(sheet_file, f"Frames of {item['name']}")
        st.caption("A row an episode, from its start to its end")
        _frames(item)
    with facts:
        _facts(item)


def _frames(item: Mapping[str, Any]) -> None:
    number = st.slider("Frame", 0, max(1, item["frames"] - 1), 0, key=f"{PAGE}.frame.{item['id']}")
    number = min(int(number), item["frames"] - 1)
    pictures.picture(client().file(f"/datasets/{item['id']}/frames/{number}"), f"Frame {number}", width=256)
    episode, step = _place(item, number)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"episode {episode}, step {step}", width="content")
        query = {"base": "dataset", "source": item["id"], "episode": str(episode), "frame": str(step)}
        link("traversals", "Traverse from this frame", query)


def _place(item: Mapping[str, Any], number: int) -> tuple[int, int]:
    """Episode and step of a frame that is counted over all episodes."""
    for episode, length in enumerate(item["lengths"]):
        if number < length:
            return episode, number
        number -= length
    raise ValueError(f"{item['name']} has fewer frames")


def _facts(item: Mapping[str, Any]) -> None:
    left, middle, right = st.columns(3)
    left.metric("Episodes", f"{item['episodes']:,}")
    middle.metric("Frames", f"{item['frames']:,}")
    right.metric("Actions", item["action_size"] or "none")
    if item["guessed_factors"] or not item["factor_names"]:
        st.caption("Factors: image statistics, guesses of what moves, for want of the truth")
    else:
        st.caption("Factors: the simulator's truth, known with every frame")
    if item["factor_names"]:
        st.dataframe(
            [{"factor": name.replace("_", " ")} for name in item["factor_names"]],
            hide_index=True,
            height="content",
            column_config={"factor": "Factor"},
            alt="Factors of this data set",
        )
    if item["settings"]:
        with st.expander("Settings"):
            st.json(item["settings"])


def _upload() -> None:
    with st.form(f"{PAGE}.upload", border=False):
        name = st.text_input("Name", placeholder="kitchen robot")
        files = st.file_uploader(
            "Clips",
            accept_multiple_files=True,
            type=["mp4", "mov", "m4v", "mkv", "webm", "avi", "gif", "npz", "zip", "xz"],
            help="Frames are scaled to 64 x 64; a zip may hold the numbered frames of a clip.",
        )
        sent = st.form_submit_button("Upload", type="primary")
    if not sent:
        return
    if not files:
        st.error("Choose at least one file.")
        return
    try:
        with st.spinner("Reading the clips …"):
            status, made = client().upload(
                "/datasets", [(file.name, file) for file in files], fields={"name": name or files[0].name}
            )
    except ApiProblem as problem:
        show_problem(problem)
        return
    st.toast("These clips are here already." if status == 200 else f"{made['frames']:,} frames are in.")
    keep_view(PAGE, Chosen(id=made["id"]))
    st.session_state[f"{PAGE}.edition"] = edition(PAGE) + 1
    st.rerun()


if __name__ == "__main__":
    show()
