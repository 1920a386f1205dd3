"""Against the simulator: one factor changed in the model, beside what the simulator shows for the same change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from frontend.client import client
from frontend.components.markdown import escape_markdown
from frontend.components.pick import select, within
from frontend.components.player import play_timeline
from frontend.components.scrubber import title, words_of
from frontend.components.share import share
from frontend.components.states import live
from frontend.places import keep_words, key_of, open_view, open_view_of, save_view
from frontend.state import Counterfactual

PLACE = "imagine/simulator"


def show() -> None:
    """The whole section."""
    view = open_view_of(PLACE, Counterfactual)
    detail = client().get(f"/checkpoints/{view.checkpoint}")
    knobs = _knobs(detail)
    if not knobs:
        save_view(PLACE, view)
        st.info(
            "The factors of these frames cannot be set in a simulator. They can for checkpoints of an environment with "
            "the distraction “episode”.",
            icon=":material/videogame_asset_off:",
        )
        return
    rows = client().get(f"/checkpoints/{view.checkpoint}/atlas", {"columns": 1})["rows"]
    knobs = _best_first(knobs, rows)
    drawn = _words(view, knobs)
    with st.popover(drawn, icon=":material/tune:", key=f"{PLACE}.change"):
        view = _controls(view, detail, knobs, rows)
    keep_words(PLACE, view, drawn, _words(view, knobs))
    with st.spinner("Running the episode twice in the simulator …"):
        timeline = client().get(f"/checkpoints/{view.checkpoint}/counterfactual", view.api())
    _play(timeline)
    st.caption(
        "The simulator runs the same episode twice with the same actions; from one step on, one factor has another "
        "value. In the model, the factor's dimension is set to what the encoder reads from the changed picture. "
        f"Factors that keep their value can be changed: {', '.join(words_of(knob) for knob in knobs)}. "
        "Poses and speeds change on their own; to set poses in still scenes, see Interventions under Factors."
    )


def _words(view: Counterfactual, knobs: Sequence[str]) -> str:
    """`light becomes 0.6, episode of seed 0`: what the button says is chosen."""
    factor = view.factor if view.factor in knobs else knobs[0]
    return f"{words_of(factor)} becomes {view.to or 'far away'}, episode of seed {view.seed}"


def _best_first(knobs: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The factors, first those that a dimension carries best: a page that opens shows what the model can do."""
    known = {row["factor"]: float(row["nmi"] or 0.0) for row in reversed(rows) if row.get("factor")}
    return sorted(knobs, key=lambda knob: -known.get(knob, 0.0))


def _controls(
    view: Counterfactual, detail: Mapping[str, Any], knobs: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> Counterfactual:
    longest = detail["clip"]["length"]
    names = {row["dim"]: title(row["dim"], row["name"]) for row in rows}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        factor = select(
            "Factor", list(knobs), view.factor, names=lambda name: name.replace("_", " "), key=_key(view, "factor")
        )
        to = st.text_input(
            "becomes",
            view.to if factor == view.factor else "",
            key=_key(view, "to", factor),
            placeholder="far away",
            width=110,
        ).strip()
        dim = select(
            "Dimension",
            [-1, *names],
            view.dim,
            names=lambda number: "the factor's own" if number < 0 else names[number],
            key=_key(view, "dim"),
            width=260,
        )
        context = int(
            st.number_input(
                "Observed",
                1,
                longest - 2,
                int(within(view.context, 1, longest - 2)),
                key=_key(view, "context"),
                width=110,
            )
        )
        most = longest - context
        horizon = int(
            st.number_input(
                "Imagined", 1, most, int(within(view.horizon, 1, most)), key=_key(view, "horizon"), width=110
            )
        )
        seed = int(
            st.number_input("Seed", 0, 2**31, int(within(view.seed, 0, 2**31)), key=_key(view, "seed"), width=110)
        )
    return replace(view, factor=factor, to=to, dim=dim, context=context, horizon=horizon, seed=seed)


def _knobs(detail: Mapping[str, Any]) -> list[str]:
    """The factors that the API can set in this checkpoint's simulator."""
    return list(detail.get("settable") or [])


def _key(view: Counterfactual, name: str, *more: object) -> str:
    return key_of(PLACE, name, *more, view.checkpoint)


def _percent(share: float) -> str:
    """`89%`; empty where the model predicts a wrong change."""
    return f"{share if share > 0.005 else 0.0:.0%}"


@live()
def _play(timeline: Mapping[str, Any]) -> None:
    view = open_view(PLACE, Counterfactual)
    factor = timeline["factor"].replace("_", " ")
    left, right = st.columns([1, 3], vertical_alignment="center")
    left.metric(
        "Explained share of the true change",
        _percent(timeline["explained"]),
        help="1 − |true − predicted|² / |true|² over all pixels from the change on; empty where it is no better than "
        "predicting no change.",
    )
    own = title(timeline["dim"], None if timeline["name"] == f"dim {timeline['dim']}" else timeline["name"])
    with right:
        st.markdown(
            f"**{escape_markdown(factor)}** {timeline['before']:.2f} → {timeline['after']:.2f}; in the model "
            f"**{escape_markdown(own)}** held at "
            f"{timeline['value']:.2f} from step {timeline['since']} on.".replace("-", "−")
        )
        others = [row for row in timeline["dimensions"] if row["dim"] != timeline["dim"]][:3]
        told = ", ".join(f"dim {row['dim']} {_percent(row['explained'])}" for row in others)
        st.caption(
            (f"For comparison, other dimensions set to what the encoder reads explain: {told}. " if told else "")
            + "The chart of sizes does not say whether the change is in the right place; the explained share does."
        )
    share(PLACE, view, "counterfactual", view.checkpoint, view.api(), "")
    play_timeline(f"{PLACE}.player", timeline, step=timeline["since"])
