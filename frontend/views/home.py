"""Home: what runs now, and the newest checkpoints; the first one live, under the mouse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from frontend.client import client
from frontend.components.markdown import escape_markdown
from frontend.components.pick import facts, most_named
from frontend.components.pictures import atlas_card
from frontend.components.quality import quality_line, sees
from frontend.components.removal import removal
from frontend.components.scrubber import Cell, scrubber
from frontend.components.states import empty, live
from frontend.components.words import ENDED, ago, progress_line, progress_share, state_badge
from frontend.pages import link

CARDS = 6
LIVE_ROWS = 6


def show() -> None:
    """The whole page."""
    st.title("DisWM Studio", anchor=False)
    st.markdown(
        "What does each latent dimension of a world model mean? Train a model, browse its traversals, put them into a "
        "paper."
    )
    checkpoints = client().items("/checkpoints")
    best = most_named(checkpoints) if checkpoints else None
    if best:
        _first(best)
    else:
        empty(
            "No checkpoint yet",
            "Train a model: the preset `tiny` takes a few minutes.",
            ":material/neurology:",
            page="train",
            label="Open the training form",
        )
    _running()
    others = [item for item in checkpoints if item is not best][:CARDS]
    if others:
        st.subheader("Newest checkpoints", anchor=False)
        with st.grid(3, gap="medium", min_column_width=300):
            for item in others:
                with st.container(border=True, key=f"card.{item['id']}"):
                    _card(item)


def _first(item: Mapping[str, Any]) -> None:
    """The checkpoint with the most names, to be scrubbed at once."""
    name = item["id"]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(escape_markdown(item["name"]), anchor=False, width="content")
        st.caption(escape_markdown(" · ".join(facts(dict(item)))), width="content")
        link("traversals", "All its traversals", {"checkpoint": name})
        link("factors", "Its factors", {"checkpoint": name})
    quality_line(item)
    with st.skeleton(height=420):
        atlas = client().get(f"/checkpoints/{name}/atlas", {"columns": 11})
        _live(atlas)


@live()
def _live(atlas: Mapping[str, Any]) -> None:
    top = [row["dim"] for row in atlas["rows"] if row["status"] != "inactive"][:LIVE_ROWS]
    scrubber("home.scrubber", atlas, chosen=top, selected=Cell(top[0], -1) if top else None, compact=True)
    st.caption("Drag along a row. With the keyboard: ← → value, ↑ ↓ dimension, Space plays.")


@live(every=2.0)
def _running() -> None:
    runs = [run for run in client().items("/runs") if run["state"] not in ENDED]
    st.subheader("Runs now", anchor=False)
    if not runs:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption("Nothing is running.", width="content")
            link("train", "Start a run")
        return
    for run in runs:
        with st.container(horizontal=True, vertical_alignment="center"):
            link("runs", escape_markdown(run["name"] or run["id"]), {"id": run["id"]})
            st.markdown(state_badge(run["state"]), width="content")
            st.progress(progress_share(run), text=progress_line(run), width="stretch")


def _card(item: Mapping[str, Any]) -> None:
    name = item["id"]
    atlas = client().get(f"/checkpoints/{name}/atlas", {"columns": 7})
    atlas_card(atlas, rows=4, alt=f"The four strongest dimensions of {item['name']}, one per row")
    st.markdown(f"**{escape_markdown(item['name'])}**")
    st.caption(escape_markdown(" · ".join([*facts(dict(item)), ago(item["created_at"])])))
    sees(item)
    with st.container(horizontal=True, vertical_alignment="center"):
        link("traversals", "Traversals", {"checkpoint": name})
        if item["source"] != "shipped":
            removal(f"/checkpoints/{name}", item["name"], "all that was found out about it")


if __name__ == "__main__":
    show()
