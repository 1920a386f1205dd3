"""Steer by hand: one action at a time, chosen here."""

from __future__ import annotations

import streamlit as st

from frontend.client import client
from frontend.components import downloads
from frontend.components.states import live
from frontend.components.steering import wheel
from frontend.components.stretch import choose_start
from frontend.pages import link
from frontend.places import keep_view, open_view_of
from frontend.state import Rollout

PLACE = "imagine/steer"


def show() -> None:
    """The whole section."""
    view = open_view_of(PLACE, Rollout)
    detail = client().get(f"/checkpoints/{view.checkpoint}")
    if not detail["actions"]:
        keep_view(PLACE, view)
        _say_what_can_be_steered()
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        view = choose_start(PLACE, view, detail["clip"])
    keep_view(PLACE, view)
    _drive(view, int(detail["actions"]))


def _say_what_can_be_steered() -> None:
    st.info("A video model takes no actions. Steer a world model.", icon=":material/sports_esports:")
    agents = [item for item in client().items("/checkpoints") if item["stage"] == "finetune"]
    if agents:
        link("imagine", f"Steer {agents[0]['name']}", {"section": "steer", "checkpoint": agents[0]["id"]})
    else:
        link("train", "Open the training form")


@live()
def _drive(view: Rollout, size: int) -> None:
    actions = wheel(f"{PLACE}.wheel", view.checkpoint, view.episode, view.context, size)
    if not actions:
        return
    query = {"context": view.context, "episode": view.episode}
    with st.popover("Download this drive", icon=":material/download:"):
        style = downloads.style_form(f"{PLACE}.drive")
        file = downloads.buttons(
            f"{PLACE}.drive",
            "rollout",
            lambda form: client().made(
                f"/checkpoints/{view.checkpoint}/rollout",
                {"actions": actions, "view": {**query, **style, "format": form}},
            ),
        )
    downloads.save(f"{PLACE}.drive", file)
