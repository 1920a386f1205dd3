"""One card per dimension with strip, factor and name; one dimension in full."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from frontend.client import client
from frontend.components.dimension import badges, best_factor, detail_card, title_of_entry
from frontend.components.markdown import escape_markdown
from frontend.components.measured import Measured
from frontend.components.notes import notes_of, tag_badges
from frontend.components.pictures import strip
from frontend.components.scrubber import nats
from frontend.pages import link
from frontend.places import open_view_of, save_view
from frontend.state import Dimension

PLACE = "factors/dimensions"


def show(measured: Measured) -> None:
    """The whole section."""
    view = open_view_of(PLACE, Dimension)
    save_view(PLACE, view)
    active, episodes = measured.active, measured.factors["episodes"]
    inactive = len(measured.factors["dimensions"]) - len(active)
    atlas = client().get(f"/checkpoints/{view.checkpoint}/atlas", {"columns": 11})
    chosen = next((item for item in active if item["dim"] == view.dim), None)
    if chosen is not None:
        detail_card(view.checkpoint, chosen, atlas, episodes)
    notes = notes_of("dimension")
    with st.grid(3, gap="medium", min_column_width=320):
        for item in active:
            if item is not chosen:
                with st.container(border=True, key=f"card.{item['dim']}"):
                    _card(view.checkpoint, item, atlas, episodes)
                    if badges_of_note := tag_badges(notes.get(f"{view.checkpoint}/{item['dim']}")):
                        st.markdown(badges_of_note)
    if inactive:
        st.caption(f"{inactive} inactive dimensions carry almost no information and are left out.")


def _card(checkpoint: str, item: Mapping[str, Any], atlas: Mapping[str, Any], episodes: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{escape_markdown(title_of_entry(item))}**", width="content")
        st.markdown(badges(item), width="content")
    strip(atlas, item["dim"], f"Traversal of {title_of_entry(item)}")
    st.caption(f"KL {nats(item['kl'])} nats · {escape_markdown(best_factor(item, episodes))}")
    with st.container(horizontal=True, vertical_alignment="center"):
        link("traversals", "Traversal", {"checkpoint": checkpoint, "dim": str(item["dim"])})
        if st.button("Details", icon=":material/zoom_in:", type="tertiary", key=f"details.{item['dim']}"):
            save_view(PLACE, Dimension(checkpoint, item["dim"]))
            st.rerun()
