"""Rollouts over training: the same stretch, imagined by several checkpoints of a run, or by any others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from frontend.client import client
from frontend.components.beside import partner
from frontend.components.listing import listing, search
from frontend.components.player import SCORED, Bands, bands_of, play_timeline
from frontend.components.share import share
from frontend.components.states import live
from frontend.components.stretch import choose_stretch
from frontend.places import key_of, open_view, open_view_of, save_view, start_anew
from frontend.state import Rollout

PLACE = "compare/rollouts"
MOST_CHECKPOINTS = 8
SCORES = (
    "PSNR and SSIM: each checkpoint in this episode; its band holds 80% of the episodes. Dashed: the last observed "
    "frame, repeated. Dotted: the mean image of the other episodes. Neither needs a model."
)
UNSCORED = (
    ":material/info: The recorded frames followed other actions, so there is nothing to compare with: PSNR and SSIM "
    "are left out."
)


def show() -> None:
    """The whole section."""
    view = open_view_of(PLACE, Rollout)
    detail = client().get(f"/checkpoints/{view.checkpoint}")
    history = client().get(f"/checkpoints/{view.checkpoint}/history")["items"]
    listed = listing("/checkpoints", [view.checkpoint, *view.others.split(",")])
    known = {item["id"]: item for item in [*history, *listed.items.values()]}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        view = choose_stretch(PLACE, view, detail)
    usual = [item["id"] for item in history if item["id"] != view.checkpoint][-MOST_CHECKPOINTS + 1 :]
    start = [id for id in view.others.split(",") if id in known] or usual
    start = start or [id for id in [partner(view.checkpoint, listed)] if id]  # beside a run of one checkpoint
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.multiselect(
            "Beside these checkpoints",
            [id for id in known if id != view.checkpoint],
            start,
            key=key_of(PLACE, "others", view.checkpoint),
            format_func=lambda id: _named(known[id]),
            max_selections=MOST_CHECKPOINTS,
            placeholder="choose at least one",
        )
        search(listed, "checkpoints", PLACE, _named, lambda id: _add([*chosen, id]))
    view = replace(view, others="" if chosen == usual else ",".join(chosen))
    save_view(PLACE, view)
    if not chosen:
        st.info(
            "This run has one checkpoint, and no other learned from the same environment. Choose one above to see "
            "beside it.",
            icon=":material/compare:",
        )
        return
    query = view.beside(chosen)
    with st.spinner("Imagining with every checkpoint …"):
        timeline = client().get(f"/checkpoints/{view.checkpoint}/rollouts", query)
    with st.spinner("Imagining the other episodes, for the bands …"):
        bands = _bands(view, timeline, known) if any(chart["title"] in SCORED for chart in timeline["curves"]) else {}
    _play_together(timeline, query, bands)


def _add(others: Sequence[str]) -> None:
    view = open_view_of(PLACE, Rollout)
    start_anew(PLACE, replace(view, others=",".join(others[-MOST_CHECKPOINTS:])))


def _named(item: Mapping[str, Any]) -> str:
    return f"{item['name']} · {item['stage']} · {item['steps']:,}"


def _bands(
    view: Rollout, timeline: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Low and high of PSNR and SSIM over episodes, by chart and line; of checkpoints of this one's environment only."""
    here = known.get(view.checkpoint, {}).get("environment")
    found: dict[str, dict[str, Any]] = {title: {} for title in SCORED}
    for id, line in zip(timeline["checkpoints"], timeline["titles"], strict=True):
        if known.get(id, {}).get("environment") != here:
            continue
        query = {"context": view.context, "horizon": view.horizon}
        for title, band in bands_of(client().get(f"/checkpoints/{id}/rollout-scores", query)).items():
            found[title][line] = band
    return found


@live()
def _play_together(timeline: Mapping[str, Any], query: Mapping[str, Any], bands: Mapping[str, Bands]) -> None:
    view = open_view(PLACE, Rollout)
    share(PLACE, view, "together", view.checkpoint, query, "one step slider for all")
    play_timeline(f"{PLACE}.together", timeline, bands=bands)
    st.caption(SCORES if bands else UNSCORED)
