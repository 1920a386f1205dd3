"""Home: running runs and the newest checkpoints, with the header's checkpoint to scrub."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from frontend.client import ApiProblem, client
from frontend.components.bring_model import bring_button
from frontend.components.header import current, open_section
from frontend.components.markdown import escape_markdown
from frontend.components.notes import note_button, notes_of, tag_badges
from frontend.components.pick import facts
from frontend.components.pictures import atlas_card
from frontend.components.quality import sees
from frontend.components.removal import removal
from frontend.components.scrubber import Cell, scrubber
from frontend.components.states import live
from frontend.components.words import GOING, ago, progress_line, progress_share, state_badge
from frontend.pages import link
from frontend.places import save_view
from frontend.sections import gallery
from frontend.state import View

PAGE, PLACE = "home", "home/start"
CARDS = 6
LIVE_ROWS = 6
RUNS_NOW = 20  # of those that are going or waiting
WELCOME = (
    "**Start here:** drag along a row and see what one latent dimension changes in the picture; then open Factors for "
    "numbers, Imagine for what the model predicts, or Train and Runs for a model of your own. **KL** says, in nats, "
    "how much a dimension says about the picture, and **NMI** how much it says about a known factor, from 0 (none) "
    "to 1 (all). **σ** is one standard deviation of the dimension over the data: columns go in steps of it."
)


def show() -> None:
    """The whole page."""
    SECTIONS[open_section(PAGE)]()


def _start() -> None:
    save_view(PLACE, View())
    st.markdown(WELCOME)
    checkpoint = current()
    if checkpoint:
        _first(checkpoint)
    _running()
    notes = notes_of("checkpoint")
    newest = client().get("/checkpoints", {"limit": CARDS + 1})["items"]
    others = [item for item in newest if item["id"] != checkpoint][:CARDS]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Newest checkpoints", anchor=False, width="stretch")
        bring_button()
    if others:
        with st.grid(3, gap="medium", min_column_width=300):
            for item in others:
                with st.container(border=True, key=f"card.{item['id']}"):
                    _card(item, notes.get(item["id"], {}))


def _first(checkpoint: str) -> None:
    """The header's checkpoint, ready to scrub."""
    with st.skeleton(height=420):
        atlas = _atlas(checkpoint, columns=11)
        if atlas is not None:
            _live(atlas)
    with st.container(horizontal=True, vertical_alignment="center"):
        link("traversals", "All its traversals", {"checkpoint": checkpoint})
        link("factors", "Its factors", {"checkpoint": checkpoint})
        link("imagine", "What it imagines", {"checkpoint": checkpoint})
        _tags(checkpoint)


@live()
def _tags(checkpoint: str) -> None:
    note_button("checkpoint", checkpoint, notes_of("checkpoint"))


@live()
def _live(atlas: Mapping[str, Any]) -> None:
    top = [row["dim"] for row in atlas["rows"] if row["status"] != "inactive"][:LIVE_ROWS]
    scrubber("home.scrubber", atlas, chosen=top, selected=Cell(top[0], -1) if top else None, compact=True)
    st.caption("Drag along a row. With the keyboard: ← → value, ↑ ↓ dimension, Space plays.")


@live(every=2.0)
def _running() -> None:
    found = client().get("/runs", {"state": GOING, "limit": RUNS_NOW})
    runs = found["items"]
    st.subheader("Runs now", anchor=False)
    if not runs:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption("Nothing is running.", width="content")
            link("train", "Start a run")
        return
    for run in runs:
        with st.container(horizontal=True, vertical_alignment="center"):
            link("train", escape_markdown(run["name"] or run["id"]), {"section": "runs", "id": run["id"]})
            st.markdown(state_badge(run["state"]), width="content")
            st.progress(progress_share(run), text=progress_line(run), width="stretch")
    if found["next_cursor"]:
        link("train", "All runs", {"section": "runs"})


def _atlas(checkpoint: str, columns: int) -> Mapping[str, Any] | None:
    """Every dimension of a checkpoint; None, and why, of a model that draws no pictures of its latents."""
    try:
        atlas: Mapping[str, Any] = client().get(f"/checkpoints/{checkpoint}/atlas", {"columns": columns})
    except ApiProblem as problem:
        if problem.kind != "not-offered":
            raise
        st.caption(escape_markdown(problem.detail))
        return None
    return atlas


def _card(item: Mapping[str, Any], note: Mapping[str, Any]) -> None:
    name = item["id"]
    atlas = _atlas(name, columns=7)
    if atlas is not None:
        atlas_card(atlas, rows=4, alt=f"The four strongest dimensions of {item['name']}, one per row")
    st.markdown(f"**{escape_markdown(item['name'])}**")
    st.caption(escape_markdown(" · ".join([*facts(dict(item)), ago(item["created_at"])])))
    sees(item)
    if note:
        st.markdown(f"{tag_badges(note)} {escape_markdown(note.get('note', ''))}")
    with st.container(horizontal=True, vertical_alignment="center"):
        link("traversals", "Traversals", {"checkpoint": name})
        if item["source"] != "shipped":
            removal(f"/checkpoints/{name}", item["name"], "everything that was measured about it")


SECTIONS = {"start": _start, "gallery": gallery.show}


if __name__ == "__main__":
    show()
