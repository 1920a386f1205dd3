"""Rollouts: some frames of context, then the model goes on alone; and a branch with one dimension held elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from frontend import commands
from frontend.client import client
from frontend.components import downloads
from frontend.components.pick import pick_checkpoint, select, within
from frontend.components.player import player
from frontend.components.reopen import reopen_form
from frontend.components.scrubber import title
from frontend.components.states import live
from frontend.pages import address, link
from frontend.state import Rollout, keep_view, key_of, open_view

PAGE = "rollouts"
FORMATS = {"Film": ("gif", "mp4", "webm", "apng"), "Figure": ("png", "pdf", "svg"), "Data": ("csv", "npz")}
ACTIONS = {"recorded": "as recorded", "policy": "by the policy", "zero": "none (zero)"}


def show() -> None:
    """The whole page."""
    view = open_view(PAGE, Rollout)
    head, choice = st.columns([1, 4], vertical_alignment="bottom")
    head.title("Rollouts", anchor=False)
    with choice:
        checkpoint = pick_checkpoint(view.checkpoint, key=key_of(PAGE, "checkpoint"))
    if checkpoint is None:
        return
    if checkpoint["id"] != view.checkpoint:
        start = Rollout() if view.checkpoint else view
        view = replace(start, checkpoint=checkpoint["id"])
    with st.skeleton(height=480):
        detail = client().get(f"/checkpoints/{view.checkpoint}")
        view = _controls(view, detail)
        view = _branch(view, detail)
        keep_view(PAGE, view)
        rollout = client().get(f"/checkpoints/{view.checkpoint}/rollout", view.api())
    _play(rollout, detail)


def _controls(view: Rollout, detail: Mapping[str, Any]) -> Rollout:
    """Where the rollout starts and who acts."""
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
        samples = int(
            st.slider(
                "Samples",
                1,
                8,
                int(within(view.samples, 1, 8)),
                key=_key(view, "samples"),
                width=130,
                help="1: the model's mean alone. More: how far its futures spread, step by step.",
            )
        )
        seed = int(
            st.number_input("Seed", 0, 2**31, int(within(view.seed, 0, 2**31)), key=_key(view, "seed"), width=110)
        )
    return replace(view, episode=episode, context=context, horizon=horizon, actions=actions, samples=samples, seed=seed)


def _branch(view: Rollout, detail: Mapping[str, Any]) -> Rollout:
    """The counterfactual: hold a dimension at another value from a step on."""
    names = _names(view.checkpoint)
    statistics = detail["statistics"]
    dims = [-1, *sorted(range(detail["latents"]), key=lambda dim: -float(statistics["kl"][dim]))]
    last = view.context + view.horizon - 1
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        dim = select(
            "Branch: hold a dimension",
            dims,
            view.dim,
            names=lambda number: "no branch" if number < 0 else title(number, names.get(number)),
            key=_key(view, "dim"),
            width=280,
            help="Both futures are shown side by side.",
        )
        off = dim < 0
        mean, std = (0.0, 1.0) if off else (statistics["mean"][dim], statistics["std"][dim])
        value = st.number_input(
            "at the value",
            value=float(view.value if view.dim == dim else mean + 2 * std),
            step=max(0.01, round(std / 2, 2)),
            format="%.2f",
            key=_key(view, "value", dim),
            disabled=off,
            width=130,
        )
        since = int(within(view.step, 0, last))
        step = st.slider("from step", 0, last, since, key=_key(view, "step"), disabled=off, width=190)
        hold = st.toggle("Hold it there", view.hold, key=_key(view, "hold"), disabled=off)
    if off:
        return replace(view, dim=-1, value=0.0, step=5, hold=True)
    return replace(view, dim=dim, value=round(float(value), 4), step=int(step), hold=hold)


def _key(view: Rollout, name: str, *more: object) -> str:
    return key_of(PAGE, name, *more, view.checkpoint)


def _names(checkpoint: str) -> dict[int, str]:
    """Names of dimensions, from a small atlas: they follow labels at once."""
    rows = client().get(f"/checkpoints/{checkpoint}/atlas", {"columns": 1})["rows"]
    return {row["dim"]: row["name"] for row in rows}


@live()
def _play(rollout: Mapping[str, Any], detail: Mapping[str, Any]) -> None:
    view = open_view(PAGE, Rollout)
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.popover("Download", icon=":material/download:", type="primary"):
            style = downloads.style_form(PAGE)
            path, query = f"/checkpoints/{view.checkpoint}/rollout", {**view.api(), **style}
            file = downloads.buttons(PAGE, FORMATS, lambda form: client().file(path, {**query, "format": form}))
        with st.popover("Link and command", icon=":material/link:"):
            _share(view, style)
        with st.popover("Open a file", icon=":material/file_open:"):
            reopen_form(PAGE)
        if view.dim >= 0:
            link("traversals", "The dimension's traversal", {"checkpoint": view.checkpoint, "dim": str(view.dim)})
        st.caption(f"{detail['environment'] or 'own videos'} · {view.context} observed, {view.horizon} imagined")
    downloads.save(PAGE, file)
    player(f"{PAGE}.player", rollout)
    st.caption("Drag along the film. With the keyboard: ← → step, Space plays.")


def _share(view: Rollout, style: Mapping[str, Any]) -> None:
    query = {**view.api(), **style, "format": "gif"}
    st.caption("This link reopens the view exactly.")
    st.code(address(PAGE, view.query()), language=None, wrap_lines=True)
    st.caption("The same GIF from the shell")
    st.code(commands.rollout(view, "gif", style), language="bash", wrap_lines=True)
    st.caption("… and over HTTP")
    st.code(
        commands.curl_get(client().url, f"/checkpoints/{view.checkpoint}/rollout", query),
        language="bash",
        wrap_lines=True,
    )


if __name__ == "__main__":
    show()
