"""Watch: some observed frames, then the model's own imagination; truth, model and error, with an edit beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from frontend.client import client
from frontend.components.pick import select, within
from frontend.components.player import player
from frontend.components.scrubber import title
from frontend.components.share import share
from frontend.components.states import live
from frontend.components.stretch import choose_stretch, stretch_words
from frontend.pages import link
from frontend.places import keep_words, key_of, open_view, open_view_of
from frontend.state import Rollout

PLACE = "imagine/watch"


def show() -> None:
    """The whole section."""
    view = open_view_of(PLACE, Rollout)
    bar, drawn = st.container(horizontal=True, vertical_alignment="center"), _words(view)
    with st.skeleton(height=480):
        detail = client().get(f"/checkpoints/{view.checkpoint}")
        with bar:
            view = _controls(view, detail)
        keep_words(PLACE, view, drawn, _words(view))
        rollout = client().get(f"/checkpoints/{view.checkpoint}/rollout", view.api())
        scores = _scores(view) if rollout["comparable"] else None
    _play(rollout, detail, scores)


def _scores(view: Rollout) -> Any:
    """PSNR and SSIM over the clip's episodes."""
    return client().get(
        f"/checkpoints/{view.checkpoint}/rollout-scores", {"context": view.context, "horizon": view.horizon}
    )


def _controls(view: Rollout, detail: Mapping[str, Any]) -> Rollout:
    """The part of the clip, the number of futures, and an edit along the way."""
    with st.popover(_words(view)[0], icon=":material/tune:", key=f"{PLACE}.stretch"):
        view = choose_stretch(PLACE, view, detail, given=bool(view.given))
        view = replace(view, given=view.given if view.actions == "given" else "")
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
    with st.popover(_words(view)[1], icon=":material/call_split:", key=f"{PLACE}.edit", help="See both futures."):
        return _edit(replace(view, samples=samples, seed=seed), detail)


def _words(view: Rollout) -> tuple[str, str]:
    """What the two buttons say is chosen."""
    return stretch_words(view), f"Edit of dim {view.dim}" if view.dim >= 0 else "Edit"


def _edit(view: Rollout, detail: Mapping[str, Any]) -> Rollout:
    """Hold a dimension at another value from a step on."""
    names = _names(view.checkpoint)
    statistics = detail["statistics"]
    dims = [-1, *sorted(range(detail["latents"]), key=lambda dim: -float(statistics["kl"][dim]))]
    last = view.context + view.horizon - 1
    with st.container():
        dim = select(
            "Hold a dimension",
            dims,
            view.dim,
            names=lambda number: "none" if number < 0 else title(number, names.get(number)),
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
        shown = st.toggle(f"Further edits of the opened file: `{view.more}`", True, key=_key(view, "more"))
        view = view if shown else replace(view, more="")
    if off:
        return replace(view, dim=-1, value=0.0, step=5, hold=True)
    return replace(view, dim=dim, value=round(float(value), 4), step=int(step), hold=hold)


def _key(view: Rollout, name: str, *more: object) -> str:
    return key_of(PLACE, name, *more, view.checkpoint)


def _names(checkpoint: str) -> dict[int, str]:
    """Names of dimensions, from a small atlas: they follow labels at once."""
    rows = client().get(f"/checkpoints/{checkpoint}/atlas", {"columns": 1})["rows"]
    return {row["dim"]: row["name"] for row in rows}


@live()
def _play(rollout: Mapping[str, Any], detail: Mapping[str, Any], scores: Mapping[str, Any] | None) -> None:
    view = open_view(PLACE, Rollout)
    caption = f"{detail['environment'] or 'own videos'} · {view.context} observed, {view.horizon} imagined"
    share(PLACE, view, "rollout", view.checkpoint, view.api(), caption)
    if view.dim >= 0:
        link("traversals", "The dimension's traversal", {"checkpoint": view.checkpoint, "dim": str(view.dim)})
    if scores is None:
        st.caption(
            ":material/info: The recorded frames followed other actions, so there is nothing to compare with: error, "
            "PSNR and SSIM are left out."
        )
    player(f"{PLACE}.player", rollout, scores=scores)
    if scores is not None:
        st.caption(
            f"PSNR and SSIM: the model in this episode; the band holds 80% of {scores['episodes']} episodes. Dashed: "
            "the last observed frame, repeated. Dotted: the mean image of the other episodes. Neither needs a model."
        )
    if rollout.get("disagreement"):
        st.caption(
            "Disagreement: how far the members of the ensemble are apart about each step, as a multiple of their usual "
            "distance along this checkpoint's clip. Members: where their pictures differ. Agreement is no proof of "
            "being right: members that share data share its gaps."
        )
    if rollout.get("process_doubt"):
        st.caption(
            "Doubt of the process: the standard deviation of the function that the Gaussian process has learned, "
            "without noise, as a multiple of its mean along this checkpoint's clip. Guesses: where pictures of "
            "equally plausible functions differ. It says how far a step is from what was seen, not whether the state "
            "holds all that matters."
        )
    st.caption("Drag along the film. With the keyboard: ← → step, Space plays.")
