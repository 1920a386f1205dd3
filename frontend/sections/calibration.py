"""Calibration: how often what came lies in the band that a model imagined, beside other models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from frontend.client import ApiProblem, client
from frontend.components.listing import listing, search
from frontend.components.markdown import escape_markdown
from frontend.components.pick import describe
from frontend.components.player import play_timeline
from frontend.components.share import share
from frontend.components.states import live
from frontend.components.stretch import choose_span
from frontend.places import keep_words, key_of, open_view, open_view_of, save_view, start_anew
from frontend.state import Calibration

PLACE = "imagine/calibration"
MOST_OTHERS = 3
WORDS = (
    "**Inside**: share of the numbers of the state z, drawn from what was then seen, that lie between the 5th and the "
    "95th percentile of 64 imagined futures: a model that is right about its own uncertainty has 90%. Numbers that do "
    "not depend on what is seen are left out, as they are right without knowing anything. **Standing still** expects "
    "the last seen z, and is as unsure as the other episodes say: it is calibrated without a model, so look at error "
    "and width too. Each model is measured in its own states: errors are comparable only as shares of standing still's."
)


def show() -> None:
    """The whole section."""
    view = open_view_of(PLACE, Calibration)
    detail = client().get(f"/checkpoints/{view.checkpoint}")
    drawn = _words(view)
    with st.popover(drawn, icon=":material/tune:", key=f"{PLACE}.stretch"):
        view = choose_span(PLACE, view, detail["clip"])
    keep_words(PLACE, view, drawn, _words(view))
    view = _choose_others(view)
    save_view(PLACE, view)
    try:
        with st.spinner("Imagining every episode …"):
            timeline = client().get(f"/checkpoints/{view.checkpoint}/calibration", view.api())
    except ApiProblem as problem:
        if problem.status != 422:
            raise
        st.info(escape_markdown(problem.detail), icon=":material/straighten:")
        return
    _play(timeline)


def _choose_others(view: Calibration) -> Calibration:
    """The checkpoints that are measured beside, such as one with a GRU beside one with a Gaussian process."""
    named = [id for id in view.others.split(",") if id]
    listed = listing("/checkpoints", [view.checkpoint, *named])
    options = [id for id in listed.items if id != view.checkpoint]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.multiselect(
            "Beside these checkpoints",
            options,
            [id for id in named if id in options],
            key=key_of(PLACE, "others", view.checkpoint),
            format_func=lambda id: describe(listed.items[id]),
            max_selections=MOST_OTHERS,
            placeholder="none",
        )
        search(listed, "checkpoints", PLACE, describe, lambda id: _add([*chosen, id]))
    return replace(view, others=",".join(chosen))


def _add(others: list[str]) -> None:
    view = open_view_of(PLACE, Calibration)
    start_anew(PLACE, replace(view, others=",".join(others[-MOST_OTHERS:])))


def _words(view: Calibration) -> str:
    """`Episode 0: 5 seen, 15 imagined`."""
    return f"Episode {view.episode}: {view.context} seen, {view.horizon} imagined"


@live()
def _play(timeline: Mapping[str, Any]) -> None:
    view = open_view(PLACE, Calibration)
    st.markdown(escape_markdown(timeline["says"]))
    episodes = f"Shares, errors and widths are over {timeline['episodes']} episodes; pictures are of one."
    share(PLACE, view, "calibration", view.checkpoint, view.api(), episodes)
    play_timeline(f"{PLACE}.player", timeline)
    st.dataframe([_row(row) for row in timeline["measured"]], hide_index=True)
    st.caption(f"{episodes} {WORDS}")


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    spread = row["interval"]
    return {
        "model": row["model"],
        "step": row["step"],
        "numbers of z": row["numbers"],
        "inside the 90% band": f"{row['inside']:.0%}",
        "95% over episodes": f"{spread[0]:.0%} to {spread[1]:.0%}" if spread else "too few episodes",
        "error of standing still's": f"{row['error']:.2f}",
        "width of standing still's": f"{row['width']:.2f}",
    }
