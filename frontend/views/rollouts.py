"""Rollouts: some frames of context, then the model goes on alone; by hand, in a branch, or over training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from frontend.client import client
from frontend.components.pick import pick_checkpoint, select, within
from frontend.components.play import board
from frontend.components.player import play_reel, player
from frontend.components.quality import quality_line
from frontend.components.scrubber import title
from frontend.components.share import share
from frontend.components.states import live
from frontend.pages import link
from frontend.state import Rollout, keep_view, key_of, open_view

PAGE = "rollouts"
MODES = {
    "watch": ":material/movie: Watch",
    "steer": ":material/sports_esports: Steer by hand",
    "training": ":material/model_training: Over training",
}
MOST_CHECKPOINTS = 8
ACTIONS = {"recorded": "as recorded", "policy": "by the policy", "zero": "none (zero)"}
NAMES = {**ACTIONS, "given": "as in the file"}


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
        quality_line(detail)
        mode = st.segmented_control(
            "What to do",
            list(MODES),
            default=view.mode if view.mode in MODES else "watch",
            required=True,
            key=_key(view, "mode"),
            format_func=MODES.__getitem__,
            label_visibility="collapsed",
        )
        view = replace(view, mode=mode or "watch")
    {"watch": _watch, "steer": _steer, "training": _train}[view.mode](view, detail)


def _watch(view: Rollout, detail: Mapping[str, Any]) -> None:
    """Truth, model and error, the samples, and a branch."""
    with st.skeleton(height=480):
        view = _branch(_controls(view, detail), detail)
        keep_view(PAGE, view)
        rollout = client().get(f"/checkpoints/{view.checkpoint}/rollout", view.api())
        scores = _scores(view) if rollout["comparable"] else None
    _play(rollout, detail, scores)


def _scores(view: Rollout) -> Any:
    """PSNR and SSIM over the clip's episodes."""
    return client().get(
        f"/checkpoints/{view.checkpoint}/rollout-scores", {"context": view.context, "horizon": view.horizon}
    )


def _steer(view: Rollout, detail: Mapping[str, Any]) -> None:
    """The model beside its simulator, a step at a time."""
    keep_view(PAGE, view)
    if not detail["actions"]:
        st.info(
            "A video model takes no actions. Choose the checkpoint of a fine-tuned agent.",
            icon=":material/sports_esports:",
        )
        return
    _play_on(detail)


@live()
def _play_on(detail: Mapping[str, Any]) -> None:
    board(f"{PAGE}.play", detail)


def _train(view: Rollout, detail: Mapping[str, Any]) -> None:
    """The same stretch, imagined by several checkpoints of the run, or by any others."""
    history = client().get(f"/checkpoints/{view.checkpoint}/history")["items"]
    known = {item["id"]: item for item in [*history, *client().items("/checkpoints")]}
    view = _controls(view, detail, plain=True)
    usual = [item["id"] for item in history if item["id"] != view.checkpoint][-MOST_CHECKPOINTS + 1 :]
    start = [id for id in view.others.split(",") if id in known] or usual
    chosen = st.multiselect(
        "Beside these checkpoints",
        [id for id in known if id != view.checkpoint],
        start,
        key=_key(view, "others"),
        format_func=lambda id: f"{known[id]['name']} · {known[id]['stage']} · {known[id]['steps']:,}",
        max_selections=MOST_CHECKPOINTS,
        placeholder="choose at least one",
    )
    view = replace(view, others="" if chosen == usual else ",".join(chosen))
    keep_view(PAGE, view)
    if not chosen:
        st.info("This run has one checkpoint. Choose others to see beside it.", icon=":material/compare:")
        return
    query = view.beside(chosen)
    with st.spinner("Imagining with every checkpoint …"):
        reel = client().get(f"/checkpoints/{view.checkpoint}/rollouts", query)
    _play_together(reel, query)


@live()
def _play_together(reel: Mapping[str, Any], query: Mapping[str, Any]) -> None:
    view = open_view(PAGE, Rollout)
    share(PAGE, view, "together", view.checkpoint, query, "one step slider for all")
    play_reel(f"{PAGE}.together", reel)


def _start(view: Rollout, detail: Mapping[str, Any]) -> tuple[int, int]:
    """The episode, and how much of it is observed."""
    last, longest = detail["clip"]["episodes"] - 1, detail["clip"]["length"] - 1
    start = int(within(view.episode, 0, last))
    episode = int(st.number_input("Episode", 0, last, start, key=_key(view, "episode"), width=110))
    seen = int(within(view.context, 1, longest))
    return episode, int(st.slider("Observed frames", 1, longest, seen, key=_key(view, "context"), width=190))


def _controls(view: Rollout, detail: Mapping[str, Any], *, plain: bool = False) -> Rollout:
    """Where the rollout starts and who acts; and unless `plain`, how many futures are drawn."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        episode, context = _start(view, detail)
        most = max(2, detail["clip"]["length"] - context)
        far = int(within(view.horizon, 1, most))
        horizon = int(st.slider("Imagined steps", 1, most, far, key=_key(view, "horizon"), width=190))
        options = [name for name in ACTIONS if name != "policy" or detail["policy"]]
        options += ["given"] if view.given and not plain else []
        actions = select(
            "Actions", options, view.actions, names=NAMES.__getitem__, key=_key(view, "actions"), width=170
        )
        given = view.given if actions == "given" else ""
        view = replace(view, episode=episode, context=context, horizon=horizon, actions=actions, given=given)
        if plain:
            return view
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
    return replace(view, samples=samples, seed=seed)


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
    if view.more:
        kept = st.toggle(f"Further edits of the opened file: `{view.more}`", True, key=_key(view, "more"))
        view = view if kept else replace(view, more="")
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
def _play(rollout: Mapping[str, Any], detail: Mapping[str, Any], scores: Mapping[str, Any] | None) -> None:
    view = open_view(PAGE, Rollout)
    caption = f"{detail['environment'] or 'own videos'} · {view.context} observed, {view.horizon} imagined"
    share(PAGE, view, "rollout", view.checkpoint, view.api(), caption)
    if view.dim >= 0:
        link("traversals", "The dimension's traversal", {"checkpoint": view.checkpoint, "dim": str(view.dim)})
    if scores is None:
        st.caption(
            ":material/info: The recorded frames followed other actions, so there is no truth to compare with: error, "
            "PSNR and SSIM are left out."
        )
    player(f"{PAGE}.player", rollout, scores=scores)
    if scores is not None:
        st.caption(
            f"PSNR and SSIM: the model in this episode; the band holds 80% of {scores['episodes']} episodes. Dashed: "
            "the last observed frame, repeated. Dotted: the mean image of the other episodes. Neither needs a model."
        )
    st.caption("Drag along the film. With the keyboard: ← → step, Space plays.")


if __name__ == "__main__":
    show()
