"""Data: what the models learn from; upload your own clips or collect from a simulator."""

from __future__ import annotations

from typing import Any

import streamlit as st

from frontend.client import ApiProblem, as_text, client
from frontend.components.listing import listing, search
from frontend.components.notes import notes_of
from frontend.components.states import empty, gone, guarded, show_problem
from frontend.components.upload_preview import CROPS, show_preview
from frontend.components.words import moment
from frontend.pages import link
from frontend.places import key_of, open_view, save_view, start_anew
from frontend.sections.dataset_detail import KINDS, detail, open_dataset
from frontend.sections.dataset_player import PLACE
from frontend.state import Played

PREVIEW = f"{PLACE}.preview"
GONE = f"{PLACE}.gone"  # the data set of a link, if it does not exist here, until another one is chosen
DATA = ("npz", "zip", "xz", "h5", "hdf5")  # file endings of data sets, besides those of films and pictures


def show() -> None:
    """The whole page."""
    view = open_view(PLACE, Played)
    save_view(PLACE, view)
    listed = listing("/datasets", [view.id])
    found = list(listed.items.values())
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Upload clips", icon=":material/upload:", type="primary"):
            _upload()
        link("train", "Collect from a simulator", {"stage": "collect"})
        search(listed, "data sets", PLACE, lambda item: f"{item['name']} · {item['id']}", _choose)
    if view.id and view.id not in listed.items:
        st.session_state[GONE] = view.id
    if st.session_state.get(GONE):
        gone("data set", st.session_state[GONE], "Another one is shown." if found else "")
    if not found:
        empty(
            "No data set yet",
            "Upload videos, pictures or npz episodes; or collect from a simulated task, "
            "where the true factors of every frame are known.",
            ":material/photo_library:",
        )
        return
    chosen = _table(found, view)
    save_view(PLACE, view if view.id == chosen["id"] else Played(chosen["id"]))
    detail(client().get(f"/datasets/{chosen['id']}"))


def _choose(id: str) -> None:
    st.session_state.pop(GONE, None)
    start_anew(PLACE, Played(id))


def _table(found: list[dict[str, Any]], view: Played) -> dict[str, Any]:
    notes = notes_of("dataset")
    rows = [
        {
            "name": item["name"],
            "from": item["environment"] or KINDS.get(item["kind"], item["kind"]),
            "episodes": item["episodes"],
            "frames": item["frames"],
            "factors": len(item["factor_names"]),
            "made": moment(item["created_at"]),
            "tags": ", ".join(notes.get(item["id"], {}).get("tags", ())),
            "note": "; ".join(filter(None, [notes.get(item["id"], {}).get("note", ""), *item["warnings"]])),
        }
        for item in found
    ]
    answer = st.dataframe(
        rows,
        hide_index=True,
        key=key_of(PLACE, "table", hash(tuple(item["id"] for item in found))),
        on_select="rerun",
        selection_mode="single-cell",
        alt="All data sets",
        column_config={
            "name": st.column_config.TextColumn("Name", width="medium"),
            "from": st.column_config.TextColumn("From"),
            "episodes": st.column_config.NumberColumn("Episodes", width="small"),
            "frames": st.column_config.NumberColumn("Frames", format="localized", width="small"),
            "factors": st.column_config.NumberColumn("Factors", width="small"),
            "made": st.column_config.DatetimeColumn("Made", format="distance", width="small"),
            "tags": st.column_config.TextColumn("Tags", width="small"),
            "note": st.column_config.TextColumn("Note", width="large"),
        },
    )
    selected = answer["selection"]["cells"]
    if selected and selected[0][0] < len(found):
        st.session_state.pop(GONE, None)
        return found[selected[0][0]]
    return next((item for item in found if item["id"] == view.id), found[0])


@st.dialog("Upload clips", width="large")
def _upload() -> None:
    """The form, and a preview beside it."""
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
    """The preview of the upload; requested once per set of files and fields."""
    if not files:
        st.caption("A preview of the files is shown here before anything is saved.")
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
        st.info("These files have already been imported in the same way.")
    show_preview(found)
    return found


def _import(files: list[Any], fields: dict[str, str]) -> None:
    with st.spinner("Reading the files …"):
        status, made = client().upload("/datasets", _parts(files), fields=fields)
    st.toast(
        "These clips have already been imported." if status == 200 else f"{made['frames']:,} frames were imported."
    )
    st.session_state.pop(PREVIEW, None)
    open_dataset(made["id"])


def _parts(files: list[Any]) -> list[tuple[str, Any]]:
    for file in files:
        file.seek(0)
    return [(file.name, file) for file in files]


if __name__ == "__main__":
    show()
