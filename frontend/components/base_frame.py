"""Which frame a traversal starts from: one of the checkpoint's clip or of a data set, your own picture, or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from frontend.client import ApiProblem, client
from frontend.components.listing import listing, search
from frontend.components.pick import select, within
from frontend.components.states import empty, gone, show_problem
from frontend.places import key_of, save_view, start_anew
from frontend.state import Traversal

BASES = {"clip": "Clip", "dataset": "Data set", "picture": "Picture", "prior": "Prior mean"}


def choose_base(page: str, view: Traversal, clip: Mapping[str, Any]) -> Traversal:
    """Draws the widgets of the base frame and returns the view with their values; `has_base` says whether it names a
    frame.
    """
    view = view if view.base in BASES else replace(view, base="clip", source="")
    base = st.segmented_control(
        "Base frame",
        list(BASES),
        default=view.base,
        required=True,
        key=key_of(page, "base", view.checkpoint),
        format_func=BASES.__getitem__,
        help="A frame of the checkpoint's clip or of any data set, a picture of yours, or the mean of the prior.",
    )
    if base != view.base:
        view = replace(view, base=base, source="", episode=0, frame=-1)
    if base == "dataset":
        return _history(page, _of_dataset(page, view))
    if base == "picture":
        return _of_picture(page, view)  # a single frame without history
    lengths = [clip["length"]] * clip["episodes"]
    return _history(page, _place(page, view, lengths, off=base == "prior"))


def has_base(view: Traversal) -> bool:
    """Whether the view names a frame; where it does not, this says what is missing."""
    if view.base == "dataset" and not view.source:
        empty(
            "No data set yet",
            "Upload videos of your own, or collect some from a simulator; each of their frames can be a base.",
            ":material/photo_library:",
            page="data",
            label="Open the data sets",
        )
        return False
    if view.base == "picture" and not view.source:
        empty(
            "No picture yet",
            "Choose a PNG or JPEG above. Its centred square is scaled to 64 x 64 and becomes the base frame. It should "
            "look like the frames that the model was trained on.",
            ":material/add_photo_alternate:",
        )
        return False
    return True


def _of_dataset(page: str, view: Traversal) -> Traversal:
    listed = listing("/datasets", [view.source])
    found = listed.items
    if view.source and view.source not in found:
        gone("data set", view.source, "Another one is shown." if found else "")
    if not found:
        return replace(view, source="")
    source = select(
        "Data set",
        list(found),
        view.source,
        names=lambda id: found[id]["name"],
        key=key_of(page, "dataset", view.checkpoint),
        width=150,
    )
    search(listed, "data sets", f"{page}.dataset", lambda item: item["name"], lambda id: _open(page, view, id))
    chosen = found[source]
    if source != view.source:
        view = replace(view, source=source, episode=view.episode if not view.source else 0)
    return _place(page, view, chosen["lengths"])


def _open(page: str, view: Traversal, source: str) -> None:
    start_anew(page, replace(view, source=source, episode=0, frame=-1))


def _place(page: str, view: Traversal, lengths: Sequence[int], *, off: bool = False) -> Traversal:
    """Episode and frame, within what there is."""
    last = len(lengths) - 1
    start = int(within(view.episode, 0, last))
    where = (view.checkpoint, view.base, view.source)
    episode = int(
        st.number_input("Episode", 0, last, start, key=key_of(page, "episode", *where), disabled=off, width=100)
    )
    end = lengths[episode] - 1
    first = int(within(view.frame, 0, end)) if view.frame >= 0 else lengths[episode] // 2
    if end == 0:
        return replace(view, episode=episode, frame=0)
    frame = st.slider("Frame", 0, end, first, key=key_of(page, "frame", *where, end), disabled=off, width=130)
    return replace(view, episode=episode, frame=int(frame))


def _of_picture(page: str, view: Traversal) -> Traversal:
    with st.popover("Choose a picture", icon=":material/add_photo_alternate:", key=f"{page}.pictures"):
        file = st.file_uploader("PNG or JPEG", type=["png", "jpg", "jpeg"], key=f"{page}.picture")
        if file is None or file.file_id == st.session_state.get(f"{page}.sent"):
            return view
        st.session_state[f"{page}.sent"] = file.file_id
        source = _send(file)
    if source is not None:
        save_view(page, replace(view, source=source))
        st.rerun()
    return view


def _send(file: Any) -> str | None:
    """The id under which the API keeps a picture; None where it refuses it, after showing its error message."""
    try:
        _, made = client().upload("/pictures", [(file.name, file)])
    except ApiProblem as problem:
        show_problem(problem)
        return None
    return str(made["id"])


def _history(page: str, view: Traversal) -> Traversal:
    first = view.frame == 0 and view.base != "prior"
    history = st.toggle(
        "History",
        view.history,
        key=key_of(page, "history", view.checkpoint),
        disabled=view.base == "prior" or first,
        help="This is the first frame of its episode: it has no history. Edits look stronger without one."
        if first
        else "Feed the model the frames before this one, as in use. Off: start from an empty memory.",
    )
    return replace(view, history=history)
