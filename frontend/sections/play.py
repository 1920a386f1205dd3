"""Play: the model beside its simulator, one step at a time, by hand or by the policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from frontend.client import client
from frontend.components.play import Asked, board
from frontend.components.states import live
from frontend.pages import link
from frontend.places import edition, open_view_of, save_view
from frontend.state import Playing

PLACE = "imagine/play"


def show() -> None:
    """The whole section."""
    view = open_view_of(PLACE, Playing)
    save_view(PLACE, view)
    detail = client().get(f"/checkpoints/{view.checkpoint}")
    if detail["actions"]:
        _play_on(detail, view.seed)
    else:
        _say_what_can_be_played()


@live()
def _play_on(detail: Mapping[str, Any], seed: int) -> None:
    board(f"{PLACE}.board", detail, Asked(seed, edition(PLACE)))


def _say_what_can_be_played() -> None:
    st.info("A video model takes no actions. Play with a world model.", icon=":material/sports_esports:")
    worlds = client().get("/checkpoints", {"stage": "finetune", "limit": 1})["items"]
    if worlds:
        link("imagine", f"Play with {worlds[0]['name']}", {"section": "play", "checkpoint": worlds[0]["id"]})
    else:
        link("train", "Open the training form")
