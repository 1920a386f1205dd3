"""In time: hold dimensions at another value from a step on, one row each, and see what the model predicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from frontend.client import client
from frontend.components.pick import pick_checkpoint, select, within
from frontend.components.player import play_reel
from frontend.components.scrubber import title
from frontend.components.share import share
from frontend.components.states import live
from frontend.state import Temporal, keep_view, key_of, open_view, write

PAGE = "temporal"
ACTIONS = {"recorded": "as recorded", "policy": "by the policy", "zero": "none (zero)"}


def show() -> None:
    """The whole page."""
    view = open_view(PAGE, Temporal)
    head, choice = st.columns([1, 4], vertical_alignment="bottom")
    head.title("In time", anchor=False)
    with choice:
        checkpoint = pick_checkpoint(view.checkpoint, key=key_of(PAGE, "checkpoint"))
    if checkpoint is None:
        return
    if checkpoint["id"] != view.checkpoint:
        start = Temporal() if view.checkpoint else view
        view = replace(start, checkpoint=checkpoint["id"])
    with st.skeleton(height=480):
        detail = client().get(f"/checkpoints/{view.checkpoint}")
        view = _rows(_controls(view, detail))
        keep_view(PAGE, view)
        reel = client().get(f"/checkpoints/{view.checkpoint}/temporal", view.api())
    _play(reel, detail)


def _controls(view: Temporal, detail: Mapping[str, Any]) -> Temporal:
    """Where it starts, who acts, and from which step on."""
    last, longest = detail["clip"]["episodes"] - 1, detail["clip"]["length"] - 1
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        start = int(within(view.episode, 0, last))
        episode = int(st.number_input("Episode", 0, last, start, key=_key(view, "episode"), width=110))
        seen = int(within(view.context, 1, longest))
        context = int(st.slider("Observed frames", 1, longest, seen, key=_key(view, "context"), width=190))
        most = max(2, longest + 1 - context)
        far = int(within(view.horizon, 1, most))
        horizon = int(st.slider("Imagined steps", 1, most, far, key=_key(view, "horizon"), width=190))
        options = [name for name in ACTIONS if name != "policy" or detail["policy"]]
        actions = select(
            "Actions", options, view.actions, names=ACTIONS.__getitem__, key=_key(view, "actions"), width=170
        )
        end = context + horizon - 1
        since = int(within(context if view.step < 0 else view.step, 0, end))
        step = int(st.slider("Held from step", 0, end, since, key=_key(view, "step", context), width=190))
    step = -1 if step == context else step
    return replace(view, episode=episode, context=context, horizon=horizon, actions=actions, step=step)


def _rows(view: Temporal) -> Temporal:
    """Which dimensions are held, and where."""
    rows = client().get(f"/checkpoints/{view.checkpoint}/atlas", {"columns": 1})["rows"]
    names = {row["dim"]: title(row["dim"], row["name"]) for row in rows}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        chosen = st.multiselect(
            "Dimensions, one row each",
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
        kept = st.toggle(f"Held elsewhere by the opened file: `{write(view.hold)}`", True, key=_key(view, "hold"))
        view = view if kept else replace(view, hold=())
    return replace(view, dims=tuple(chosen), sigmas=sigmas, together=together)


def _key(view: Temporal, name: str, *more: object) -> str:
    return key_of(PAGE, name, *more, view.checkpoint)


@live()
def _play(reel: Mapping[str, Any], detail: Mapping[str, Any]) -> None:
    view = open_view(PAGE, Temporal)
    caption = f"{detail['environment'] or 'own videos'} · held from step {reel['since']}"
    share(PAGE, view, "temporal", view.checkpoint, view.api(), caption)
    play_reel(f"{PAGE}.player", reel, step=reel["since"])
    st.caption("Drag along the film. With the keyboard: ← → step, Space plays.")


if __name__ == "__main__":
    show()
