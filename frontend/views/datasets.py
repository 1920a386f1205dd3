"""Data: what the models learn from; upload your own clips or collect from a simulator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from frontend.client import ApiProblem, as_text, client
from frontend.components import pictures
from frontend.components.markdown import escape_markdown
from frontend.components.states import empty, gone, guarded, show_problem
from frontend.components.upload_preview import CROPS, show_preview, summary
from frontend.components.words import ago
from frontend.pages import link
from frontend.places import key_of, open_view, save_view, start_anew
from frontend.state import Chosen

PLACE = "data"
PREVIEW = f"{PLACE}.preview"
GONE = f"{PLACE}.gone"  # the data set of a link that is not here, until another one is chosen
KINDS = {"collected": "collected from a simulator", "clips": "own clips", "published": "published episodes"}
DATA = ("npz", "zip", "xz", "h5", "hdf5")  # endings of data sets beside those of films and pictures


def show() -> None:
    """The whole page."""
    view = open_view(PLACE, Chosen)
    save_view(PLACE, view)
    found = client().items("/datasets")
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Upload clips", icon=":material/upload:", type="primary"):
            _upload()
        link("train", "Collect from a simulator", {"stage": "collect"})
    if view.id and view.id not in {item["id"] for item in found}:
        st.session_state[GONE] = view.id
    if st.session_state.get(GONE):
        gone("data set", st.session_state[GONE], "Another one is shown." if found else "")
    if not found:
        empty(
            "No data set yet",
            "Upload videos, pictures or npz episodes; or collect from a simulated task, "
            "where every frame knows its true factors.",
            ":material/photo_library:",
        )
        return
    chosen = _table(found, view)
    save_view(PLACE, replace(view, id=chosen["id"]))
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
        key=key_of(PLACE, "table", len(found)),
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
        st.session_state.pop(GONE, None)
        return found[selected[0][0]]
    return next((item for item in found if item["id"] == view.id), found[0])


def _detail(item: Mapping[str, Any]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(escape_markdown(item["name"]), anchor=False, width="content")
        st.caption(f"{KINDS.get(item['kind'], item['kind'])} · `{item['id']}`", width="content")
        link("train", "Pretrain on it", {"stage": "pretrain", "dataset": item["id"]})
        if item["kind"] != "collected" and st.button("Delete", icon=":material/delete:"):
            _delete(item)
    for warning in item["warnings"]:
        st.warning(escape_markdown(warning))
    sheet, facts = st.columns([3, 2], gap="large")
    with sheet:
        sheet_file = client().file(f"/datasets/{item['id']}/strip")
        pictures.picture(sheet_file, f"Frames of {item['name']}")
        st.caption("One row per episode, from its start to its end")
        _frames(item)
    with facts:
        _facts(item)


def _frames(item: Mapping[str, Any]) -> None:
    number = st.slider("Frame", 0, max(1, item["frames"] - 1), 0, key=f"{PLACE}.frame.{item['id']}")
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
        st.caption("Factors: estimated from the pictures; the true ones are not known")
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


@st.dialog("Upload clips", width="large")
def _upload() -> None:
    """The form, and beside it what the files would become."""
    with guarded():
        form, shown = st.columns([2, 3], gap="large")
        with form:
            files, fields = _form()
        with shown:
            found = _previewed(files, fields)
        if found is None:
            return
        with form:
            if st.button("Import", type="primary", icon=":material/download_done:"):
                _import(files, fields)


def _form() -> tuple[list[Any], dict[str, str]]:
    """The files and the fields of the upload."""
    files = st.file_uploader(
        "Films, pictures, episodes or another project's data set",
        accept_multiple_files=True,
        type=["mp4", "mov", "m4v", "webm", "mkv", "avi", "gif", "webp", "png", "jpg", "jpeg", *DATA],
        help="Several files make one data set. A zip may hold pictures, one folder per clip, npz episodes, or the "
        "folder of a data set of LeRobot, Minari, D4RL, stable-worldmodel, zarr, RLDS. Large ones: diswm import-data.",
    )
    name = st.text_input("Name", placeholder="kitchen robot")
    crop = st.selectbox(
        "Crop",
        list(CROPS),
        format_func=lambda crop: CROPS[crop],
        help="Frames become squares of 64 x 64: which part of the picture is kept.",
    )
    left, right = st.columns(2)
    fps = left.number_input(
        "Frames a second", 0.1, 240.0, None, placeholder="as recorded", help="Films are resampled in time to this rate."
    )
    stride = right.number_input("Keep every n-th frame", 1, 100, 1)
    whole = st.checkbox("One episode per clip")
    split = 0 if whole else st.number_input("Frames per episode", 16, 10_000, 64, help="Longer clips are split.")
    fields = {
        "name": name,
        "crop": crop,
        "fps": as_text(fps) if fps else "",
        "stride": as_text(stride),
        "split": as_text(split),
    }
    return list(files or []), {key: value for key, value in fields.items() if value}


def _previewed(files: list[Any], fields: dict[str, str]) -> dict[str, Any] | None:
    """What the upload would become; asked for once for the same files and fields."""
    if not files:
        st.caption("What the files would become is shown here before anything is kept.")
        return None
    key = (tuple(file.file_id for file in files), tuple(sorted(fields.items())))
    stored = st.session_state.get(PREVIEW)
    if stored is None or stored[0] != key:
        with st.spinner("Reading the files …"):
            try:
                _, found = client().upload("/datasets/preview", _parts(files), fields=fields)
            except ApiProblem as problem:
                show_problem(problem)
                return None
        stored = st.session_state[PREVIEW] = (key, found)
    found = stored[1]
    if found["known_as"]:
        st.info("These files are here already, imported in the same way.")
    show_preview(found)
    return found


def _import(files: list[Any], fields: dict[str, str]) -> None:
    with st.spinner("Reading the files …"):
        status, made = client().upload("/datasets", _parts(files), fields=fields)
    st.toast("These clips are here already." if status == 200 else f"{made['frames']:,} frames were imported.")
    st.session_state.pop(PREVIEW, None)
    _open(made["id"])


def _open(id: str) -> None:
    """Go on with a data set, or with the newest where there is none of this id."""
    start_anew(PLACE, Chosen(id=id))
    st.rerun()


def _parts(files: list[Any]) -> list[tuple[str, Any]]:
    for file in files:
        file.seek(0)
    return [(file.name, file) for file in files]


@st.dialog("Delete this data set?")
def _delete(item: Mapping[str, Any]) -> None:
    st.markdown(f"{escape_markdown(item['name'])}: {summary(item)}. This cannot be undone.")
    if st.button("Delete it", type="primary", icon=":material/delete:"):
        try:
            client().delete(f"/datasets/{item['id']}")
        except ApiProblem as problem:
            show_problem(problem)
            return
        _open("")


if __name__ == "__main__":
    show()
