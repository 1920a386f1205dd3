"""Branch: hold dimensions at another value from a step on, one row per dimension, and see what the model predicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from frontend.client import client
from frontend.components.pick import within
from frontend.components.player import play_timeline
from frontend.components.scrubber import title
from frontend.components.share import share
from frontend.components.states import live
from frontend.components.stretch import choose_stretch, stretch_words
from frontend.places import keep_words, key_of, open_view, open_view_of
from frontend.state import Temporal, write

PLACE = "imagine/branch"


def show() -> None:
    """The whole section."""
    view = open_view_of(PLACE, Temporal)
    bar, drawn = st.container(horizontal=True, vertical_alignment="center"), (stretch_words(view), _row_words(view))
    with st.skeleton(height=480):
        detail = client().get(f"/checkpoints/{view.checkpoint}")
        with bar:
            view = _rows(_controls(view, detail))
        keep_words(PLACE, view, drawn, (stretch_words(view), _row_words(view)))
        timeline = client().get(f"/checkpoints/{view.checkpoint}/temporal", view.api())
    _play(timeline, detail)


def _controls(view: Temporal, detail: Mapping[str, Any]) -> Temporal:
    """Where it starts, who acts, and from which step on."""
    with st.popover(stretch_words(view), icon=":material/tune:", key=f"{PLACE}.stretch"):
        view = choose_stretch(PLACE, view, detail)
        end = view.context + view.horizon - 1
        since = int(within(view.context if view.step < 0 else view.step, 0, end))
        step = int(st.slider("Held from step", 0, end, since, key=_key(view, "step", view.context), width=190))
    return replace(view, step=-1 if step == view.context else step)


def _rows(view: Temporal) -> Temporal:
    """Which dimensions are held, and where."""
    rows = client().get(f"/checkpoints/{view.checkpoint}/atlas", {"columns": 1})["rows"]
    names = {row["dim"]: title(row["dim"], row["name"]) for row in rows}
    with st.popover(_row_words(view), icon=":material/reorder:", key=f"{PLACE}.rows"):
        chosen = st.multiselect(
            "Dimensions, one row per dimension",
            [row["dim"] for row in rows],
            [dim for dim in view.dims if dim in names],
            key=_key(view, "dims"),
            format_func=names.__getitem__,
            placeholder="the eight with the highest KL",
            width=420,
        )
        sigmas = float(
            st.slider(
                "Held at mean plus σ times",
                -4.0,
                4.0,
                within(view.sigmas, -4.0, 4.0),
                0.5,
                key=_key(view, "sigmas"),
                width=220,
            )
        )
        together = st.toggle("One row with all of them", view.together, key=_key(view, "together"))
    if view.hold:
        shown = st.toggle(f"Held elsewhere by the opened file: `{write(view.hold)}`", True, key=_key(view, "hold"))
        view = view if shown else replace(view, hold=())
    return replace(view, dims=tuple(chosen), sigmas=sigmas, together=together)


def _row_words(view: Temporal) -> str:
    """`8 rows, held at +2 σ`."""
    rows = f"dims {write(view.dims)}" if view.dims else "the eight with the highest KL"
    return f"{rows}, held at {view.sigmas:+g} σ".replace("-", "−")


def _key(view: Temporal, name: str, *more: object) -> str:
    return key_of(PLACE, name, *more, view.checkpoint)


@live()
def _play(timeline: Mapping[str, Any], detail: Mapping[str, Any]) -> None:
    view = open_view(PLACE, Temporal)
    caption = f"{detail['environment'] or 'own videos'} · held from step {timeline['since']}"
    share(PLACE, view, "temporal", view.checkpoint, view.api(), caption)
    play_timeline(f"{PLACE}.player", timeline, step=timeline["since"])
    st.caption("Drag along the film. With the keyboard: ← → step, Space plays.")
