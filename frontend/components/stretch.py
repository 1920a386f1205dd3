"""Which part of the clip is imagined: episode, observed frames, imagined steps, and where the actions come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

import streamlit as st

from frontend.components.pick import select, within
from frontend.places import key_of
from frontend.state import Calibration, Imitation, Rollout, Temporal

ACTIONS = {"recorded": "as recorded", "policy": "by the policy", "zero": "none (zero)"}
NAMES = {**ACTIONS, "given": "as in the file"}

V = TypeVar("V", Rollout, Temporal)
Started = TypeVar("Started", Rollout, Temporal, Imitation, Calibration)
Compared = TypeVar("Compared", Imitation, Calibration)


def stretch_words(view: Rollout | Temporal) -> str:
    """`Episode 0: 5 seen, 25 imagined, actions as recorded`."""
    actions = NAMES.get(view.actions, NAMES["recorded"])
    return f"Episode {view.episode}: {view.context} seen, {view.horizon} imagined, actions {actions}"


def choose_start(place: str, view: Started, clip: Mapping[str, Any]) -> Started:
    """The episode, and how much of it is observed."""
    last, longest = clip["episodes"] - 1, clip["length"] - 1
    start = int(within(view.episode, 0, last))
    episode = int(st.number_input("Episode", 0, last, start, key=_key(place, view, "episode"), width=110))
    seen = int(within(view.context, 1, longest))
    context = int(st.slider("Observed frames", 1, longest, seen, key=_key(place, view, "context"), width=190))
    return replace(view, episode=episode, context=context)


def choose_stretch(place: str, view: V, detail: Mapping[str, Any], *, given: bool = False) -> V:
    """The start, the number of imagined steps, and whose actions are used; also those of an opened file, if `given`."""
    view = choose_start(place, view, detail["clip"])
    horizon = _horizon(place, view, max(2, detail["clip"]["length"] - view.context))
    options = [name for name in ACTIONS if name != "policy" or detail["policy"]] + (["given"] if given else [])
    key = _key(place, view, "actions")
    actions = select("Actions", options, view.actions, names=NAMES.__getitem__, key=key, width=170)
    return replace(view, horizon=horizon, actions=actions)


def choose_span(place: str, view: Compared, clip: Mapping[str, Any]) -> Compared:
    """The start and the number of imagined steps, within the clip: what is imagined is compared with what came."""
    view = choose_start(place, view, clip)
    most = clip["length"] - view.context
    return replace(view, horizon=_horizon(place, view, most) if most > 1 else 1)


def _horizon(place: str, view: Rollout | Temporal | Imitation | Calibration, most: int) -> int:
    far = int(within(view.horizon, 1, most))
    return int(st.slider("Imagined steps", 1, most, far, key=_key(place, view, "horizon"), width=190))


def _key(place: str, view: Rollout | Temporal | Imitation | Calibration, name: str) -> str:
    return key_of(place, name, view.checkpoint)
