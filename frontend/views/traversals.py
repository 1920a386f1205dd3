"""Traversals: edit one latent of a frame, decode, look. The main page of the workbench."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from frontend import commands
from frontend.client import ApiProblem, File, client
from frontend.components import downloads
from frontend.components.base_frame import BASES, choose_base, has_base
from frontend.components.header import current
from frontend.components.keep import keep_button
from frontend.components.labels import label_form
from frontend.components.likeness import say_likeness
from frontend.components.markdown import escape_markdown
from frontend.components.pick import select, within
from frontend.components.reopen import reopen_form
from frontend.components.scrubber import Cell, Exact, Slid, last_cell, scrubber, slid, title_of
from frontend.components.share import show_commands
from frontend.components.states import live
from frontend.components.words import OF_TINY
from frontend.pages import link
from frontend.places import keep_words, key_of, link_of, open_view, save_view
from frontend.state import COLUMNS, EXTENTS, MODES, MOST_COLUMNS, Traversal, write

PAGE = "traversals"
Edits = tuple[tuple[int, float], ...]


def show() -> None:
    """The whole page."""
    checkpoint = current()
    if not checkpoint:
        return
    view = open_view(PAGE, Traversal)
    if checkpoint != view.checkpoint:
        view = _of_another(view, checkpoint) if view.checkpoint else replace(view, checkpoint=checkpoint)
    bar, drawn = st.container(horizontal=True, vertical_alignment="center"), (_base_words(view), _value_words(view))
    with st.skeleton(height=520):
        detail = client().get(f"/checkpoints/{view.checkpoint}")
        with bar:
            view = _controls(view, detail)
        keep_words(PAGE, view, drawn, (_base_words(view), _value_words(view)))
        if not has_base(view):
            return
        atlas = client().get(f"/checkpoints/{view.checkpoint}/atlas", view.api())
    if _of_tiny(detail["run"]):
        st.info(OF_TINY, icon=":material/info:")
    words = say_likeness(atlas)
    _workbench(atlas, words)


def _of_tiny(run: str | None) -> bool:
    """Whether a checkpoint comes from a run of the preset `tiny`; unknown once the run is deleted."""
    try:
        return bool(run) and client().get(f"/runs/{run}")["preset"] == "tiny"
    except ApiProblem:
        return False


def _of_another(view: Traversal, checkpoint: str) -> Traversal:
    """The same values for another checkpoint; rows, held values and a frame of the clip belong to the previous one
    and are dropped.
    """
    if view.base == "clip":
        view = replace(view, episode=0, frame=-1)
    return replace(view, checkpoint=checkpoint, dims=(), edits=(), dim=-1, column=-1)


def _controls(view: Traversal, detail: Mapping[str, Any]) -> Traversal:
    """The base frame and the range of values, each behind a button that says what is chosen."""
    with st.popover(_base_words(view), icon=":material/image:", key=f"{PAGE}.base"):
        view = choose_base(PAGE, view, detail["clip"])
    with st.popover(_value_words(view), icon=":material/straighten:", key=f"{PAGE}.values"):
        return _values(view)


def _base_words(view: Traversal) -> str:
    """`Clip, episode 0, middle frame`: what the button of the base frame says."""
    if view.base not in ("clip", "dataset"):
        return BASES.get(view.base, "Clip")
    frame = f"frame {view.frame}" if view.frame >= 0 else "middle frame"
    return f"{BASES[view.base]}, episode {view.episode}, {frame}"


def _value_words(view: Traversal) -> str:
    """`± 2 σ, 11 columns`."""
    unit = EXTENTS[view.mode][3] if view.mode in EXTENTS else ""
    return f"{f'± {view.range:g} {unit}' if unit else 'minimum to maximum'}, {view.columns} columns"


def _values(view: Traversal) -> Traversal:
    mode = select(
        "Values",
        list(MODES),
        view.mode,
        names=MODES.__getitem__,
        key=_key(view, "mode"),
        width=160,
        help="Which values the columns take, in equal steps. σ: standard deviations of the latent over the data.",
    )
    usual, most, step, unit = EXTENTS.get(mode, (1.0, 1.0, 0.5, ""))
    reach = st.number_input(
        f"Reach in {unit}" if unit else "Reach",
        0.0,
        most,
        within(view.range, 0.0, most) if mode == view.mode else usual,
        step,
        format="%g",
        key=_key(view, "range", mode),
        disabled=mode not in EXTENTS,
        width=120,
    )
    wanted = int(within(view.columns, 1, MOST_COLUMNS)) // 2 * 2 + 1
    columns = st.select_slider("Columns", sorted({*COLUMNS, wanted}), wanted, key=_key(view, "columns"), width=110)
    return replace(view, mode=mode, range=float(reach), columns=int(columns))


def _key(view: Traversal, name: str, *more: str) -> str:
    return key_of(PAGE, name, *more, view.checkpoint)


@live()
def _workbench(atlas: Mapping[str, Any], words: str) -> None:
    """Toolbar and scrubber; a move in the scrubber reruns this part alone."""
    view = open_view(PAGE, Traversal)
    key = _key(view, "scrubber")
    cell = _cell(view, last_cell(key), atlas)
    view = replace(view, dim=cell.dim, column=cell.column)
    save_view(PAGE, view)
    if all(row["status"] == "inactive" for row in atlas["rows"]):
        st.info(
            "Every dimension is inactive: this model has not learned to use its latents. Train it for longer, or lower "
            "beta.",
            icon=":material/hourglass_empty:",
        )
    file = _toolbar(view, atlas, words)
    downloads.save(PAGE, file)
    exact = _exact(view, slid(key))
    answer = scrubber(key, atlas, chosen=view.dims, selected=cell, held=view.edits, exact=exact)
    if answer.hold or answer.release is not None:
        save_view(PAGE, replace(view, edits=_edited(view.edits, answer.hold, answer.release)))
        st.rerun()


def _cell(view: Traversal, chosen: Cell | None, atlas: Mapping[str, Any]) -> Cell:
    """The cell chosen last, else the link's, else the one of the first row nearest to the frame."""
    known = {row["dim"] for row in atlas["rows"]}
    dim, column = (chosen.dim, chosen.column) if chosen else (view.dim, view.column)
    if dim not in known:
        dim, column = next(iter(view.dims), atlas["rows"][0]["dim"]), -1
    return Cell(dim, column if column < atlas["columns"] else -1)


def _edited(edits: Edits, hold: Edits, release: int | None = None) -> Edits:
    """The held values after some are added or one is released."""
    gone = {release, *(dim for dim, _ in hold)}
    remaining = tuple(edit for edit in edits if edit[0] not in gone)
    return (*remaining, *((dim, round(value, 4)) for dim, value in hold))


def _exact(view: Traversal, place: Slid | None) -> Exact | None:
    """What the model draws for the sliders' values."""
    if place is None:
        return None
    moved = replace(view, edits=_edited(view.edits, place.values), columns=1)
    query = {**moved.api(), "dims": str(view.dim), "format": "json"}
    return Exact(place.place, client().get(f"/checkpoints/{view.checkpoint}/traversal", query)["reconstruction"])


def _toolbar(view: Traversal, atlas: Mapping[str, Any], words: str) -> File | None:
    name = title_of(atlas, view.dim)
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.popover("Download", icon=":material/download:", type="primary"):
            dims = _scope(view, name)
            style = downloads.style_form(PAGE)
            query = {**view.api(), "dims": dims, **style}
            path = f"/checkpoints/{view.checkpoint}/traversal"
            file = downloads.buttons(PAGE, "traversal", lambda form: client().file(path, {**query, "format": form}))
        with st.popover(f"Name {name.split(':')[0]}", icon=":material/label:"):
            label_form(view.checkpoint, view.dim, atlas)
        with st.popover("Rows", icon=":material/reorder:"):
            _choose_rows(view, atlas)
        with st.popover("Link and command", icon=":material/link:"):
            _share(view, dims, style)
        keep_button(
            PAGE,
            link_of(PAGE, view),
            "traversal",
            view.checkpoint,
            {**view.api(), "dims": dims},
            f"Traversal of {name}",
        )
        with st.popover("Open a file", icon=":material/file_open:"):
            reopen_form(PAGE)
        link("factors", "Factors", {"section": "dimensions", "checkpoint": view.checkpoint, "dim": str(view.dim)})
        st.caption(words)
    return file


def _scope(view: Traversal, name: str) -> str:
    """Which rows a download shows, in the API's form."""
    scope = st.segmented_control(
        "What",
        ["dim", "rows"],
        default="dim",
        required=True,
        key="traversals.scope",
        format_func={"dim": escape_markdown(name), "rows": "All shown rows"}.__getitem__,
    )
    return str(view.dim) if scope == "dim" else write(view.dims) or "active"


def _choose_rows(view: Traversal, atlas: Mapping[str, Any]) -> None:
    st.caption("Choose rows in the order you want. Empty: the active dimensions, by KL.")
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
        save_view(PAGE, replace(view, dims=tuple(chosen)))
        st.rerun()


def _share(view: Traversal, dims: str, style: Mapping[str, Any]) -> None:
    query = {**view.api(), "dims": dims, **style, "format": "gif"}
    path = f"/checkpoints/{view.checkpoint}/traversal"
    show_commands(
        link_of(PAGE, view),
        commands.view("traversal", view.checkpoint, {**view.api(), "dims": dims}, "gif", style),
        commands.curl_get(client().url, path, query),
        "GIF",
    )


if __name__ == "__main__":
    show()
