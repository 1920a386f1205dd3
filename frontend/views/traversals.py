"""Traversals: edit one latent of a frame, decode, look. The main page of the workbench."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from frontend import commands
from frontend.client import File, client
from frontend.components import downloads
from frontend.components.labels import label_form
from frontend.components.pick import pick_checkpoint, select
from frontend.components.scrubber import Cell, last_cell, scrubber, title_of
from frontend.components.states import live
from frontend.pages import address, link
from frontend.state import COLUMNS, EXTENTS, MODES, Traversal, keep_view, key_of, open_view, write

PAGE = "traversals"
FORMATS = ("gif", "png", "pdf", "mp4", "svg", "webm", "apng", "csv", "npz")
SCRUBBER = "traversals.scrubber"


def show() -> None:
    """The whole page."""
    view = open_view(PAGE, Traversal)
    head, choice = st.columns([1, 4], vertical_alignment="bottom")
    head.title("Traversals", anchor=False)
    with choice:
        checkpoint = pick_checkpoint(view.checkpoint, key=key_of(PAGE, "checkpoint"))
    if checkpoint is None:
        return
    if checkpoint["id"] != view.checkpoint:
        view = Traversal(checkpoint=checkpoint["id"]) if view.checkpoint else replace(view, checkpoint=checkpoint["id"])
    with st.skeleton(height=520):
        detail = client().get(f"/checkpoints/{view.checkpoint}")
        view = _controls(view, detail)
        keep_view(PAGE, view)
        atlas = client().get(f"/checkpoints/{view.checkpoint}/atlas", view.api())
    _workbench(atlas, detail)


def _controls(view: Traversal, detail: Mapping[str, Any]) -> Traversal:
    """The base frame and the range of values."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        view = _base_frame(view, detail["clip"])
        return _values(view)


def _base_frame(view: Traversal, clip: Mapping[str, Any]) -> Traversal:
    base = st.segmented_control(
        "Base frame",
        ["clip", "prior"],
        default=view.base,
        required=True,
        key=_key(view, "base"),
        format_func={"clip": "From the clip", "prior": "Prior mean"}.__getitem__,
        help="Start from a real frame of the data, or from the mean of the model's prior.",
    )
    off = base == "prior"
    last_episode, last_frame = clip["episodes"] - 1, clip["length"] - 1
    episode = st.number_input(
        "Episode", 0, last_episode, min(view.episode, last_episode), key=_key(view, "episode"), disabled=off, width=110
    )
    frame = st.slider(
        "Frame", 0, last_frame, min(view.frame, last_frame), key=_key(view, "frame"), disabled=off, width=190
    )
    history = st.toggle(
        "History",
        view.history,
        key=_key(view, "history"),
        disabled=off,
        help="Feed the model the frames before this one, as in use; off: start from an empty memory.",
    )
    return replace(view, base=base, episode=int(episode), frame=int(frame), history=history)


def _values(view: Traversal) -> Traversal:
    mode = select(
        "Values",
        list(MODES),
        view.mode,
        names=MODES.__getitem__,
        key=_key(view, "mode"),
        width=190,
        help="How far each dimension is moved. σ: of the latent over the data.",
    )
    usual, most, step, unit = EXTENTS.get(mode, (1.0, 1.0, 0.5, "whole"))
    reach = st.number_input(
        f"Reach in {unit}",
        0.0,
        most,
        view.range if mode == view.mode else usual,
        step,
        format="%g",
        key=_key(view, "range", mode),
        disabled=mode not in EXTENTS,
        width=130,
    )
    columns = st.select_slider("Columns", COLUMNS, view.columns, key=_key(view, "columns"), width=150)
    return replace(view, mode=mode, range=float(reach), columns=int(columns))


def _key(view: Traversal, name: str, *more: str) -> str:
    return key_of(PAGE, name, *more, view.checkpoint)


@live()
def _workbench(atlas: Mapping[str, Any], detail: Mapping[str, Any]) -> None:
    """Toolbar and scrubber; a move in the scrubber reruns this part alone."""
    view = open_view(PAGE, Traversal)
    cell = last_cell(SCRUBBER) or _start(view, atlas)
    if cell.column >= atlas["columns"]:
        cell = Cell(cell.dim, atlas["columns"] // 2)
    view = replace(view, dim=cell.dim, column=cell.column)
    keep_view(PAGE, view)
    if all(row["status"] == "inactive" for row in atlas["rows"]):
        st.info(
            "Every dimension is inactive: this model has not learned to use its latents. Train longer, or lower beta.",
            icon=":material/hourglass_empty:",
        )
    file = _toolbar(view, atlas, detail)
    downloads.save(PAGE, file)
    answer = scrubber(SCRUBBER, atlas, detail["statistics"], chosen=view.dims, selected=cell, held=view.edits)
    if answer.hold or answer.release is not None:
        keep_view(PAGE, replace(view, edits=_edited(view.edits, answer.hold, answer.release)))
        st.rerun()


def _start(view: Traversal, atlas: Mapping[str, Any]) -> Cell:
    """The cell of the link, else the first row as in the frame."""
    known = {row["dim"] for row in atlas["rows"]}
    dim = view.dim if view.dim in known else (view.dims or (atlas["rows"][0]["dim"],))[0]
    return Cell(dim, view.column if 0 <= view.column < atlas["columns"] else atlas["columns"] // 2)


def _edited(
    edits: tuple[tuple[int, float], ...], hold: tuple[int, float] | None, release: int | None
) -> tuple[tuple[int, float], ...]:
    """The held values after one is added or let go."""
    gone = hold[0] if hold else release
    kept = tuple(edit for edit in edits if edit[0] != gone)
    return (*kept, (hold[0], round(hold[1], 4))) if hold else kept


def _toolbar(view: Traversal, atlas: Mapping[str, Any], detail: Mapping[str, Any]) -> File | None:
    name = title_of(atlas, view.dim)
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.popover("Download", icon=":material/download:", type="primary"):
            file = _downloads(view, name)
        with st.popover(f"Name {name.split(':')[0]}", icon=":material/label:"):
            label_form(view.checkpoint, view.dim, atlas)
        with st.popover("Rows", icon=":material/reorder:"):
            _choose_rows(view, atlas)
        with st.popover("Link and command", icon=":material/link:"):
            _share(view)
        link("factors", "Factors", {"id": view.checkpoint, "dim": str(view.dim)})
        st.caption(f"{detail['environment'] or 'own videos'} · {detail['latents']} latents")
    return file


def _downloads(view: Traversal, name: str) -> File | None:
    scope = st.segmented_control(
        "What",
        ["dim", "rows"],
        default="dim",
        required=True,
        key="traversals.scope",
        format_func={"dim": name, "rows": "All shown rows"}.__getitem__,
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        fps = st.select_slider(
            "Frames a second",
            [5.0, 10.0, 12.5, 20.0, 25.0, 50.0],
            10.0,
            key="traversals.fps",
            format_func=lambda value: f"{value:g}",
            width=200,
        )
        upscale = st.select_slider("Upscale", [1, 2, 3, 4, 8], 4, key="traversals.upscale", width=140)
        width = st.selectbox(
            "Figure width",
            [3.25, 5.5, 6.875],
            1,
            key="traversals.width",
            width=120,
            format_func=lambda inches: f"{inches:g} in",
        )
    with st.container(horizontal=True):
        pingpong = st.toggle("There and back", True, key="traversals.pingpong")
        captions = st.toggle("Captions", True, key="traversals.captions")
    style = {"fps": fps, "upscale": upscale, "width": width, "pingpong": pingpong, "captions": captions}
    query = {**view.api(), "dims": _dims(view, scope == "rows"), **style}
    return downloads.buttons(
        PAGE,
        FORMATS,
        lambda form: client().file(f"/checkpoints/{view.checkpoint}/traversal", {**query, "format": form}),
    )


def _dims(view: Traversal, rows: bool) -> str:
    if not rows:
        return str(view.dim)
    return write(view.dims) or "active"


def _choose_rows(view: Traversal, atlas: Mapping[str, Any]) -> None:
    st.caption("Choose rows in the order that you want; empty: the active ones by KL.")
    dims = [row["dim"] for row in atlas["rows"]]
    chosen = st.multiselect(
        "Rows",
        dims,
        [dim for dim in view.dims if dim in dims],
        key=_key(view, "rows"),
        format_func=lambda dim: title_of(atlas, dim),
        label_visibility="collapsed",
        placeholder="Active dimensions by KL",
    )
    if tuple(chosen) != view.dims:
        keep_view(PAGE, replace(view, dims=tuple(chosen)))
        st.rerun()


def _share(view: Traversal) -> None:
    query = {**view.api(), "dims": _dims(view, rows=False), "format": "gif"}
    st.caption("This link reopens the view exactly.")
    st.code(address(PAGE, view.query()), language=None, wrap_lines=True)
    st.caption("The same GIF from the shell")
    st.code(commands.traverse(view, "gif", _dims(view, rows=False)), language="bash", wrap_lines=True)
    st.caption("… and over HTTP")
    st.code(
        commands.curl_get(client().url, f"/checkpoints/{view.checkpoint}/traversal", query),
        language="bash",
        wrap_lines=True,
    )


if __name__ == "__main__":
    show()
