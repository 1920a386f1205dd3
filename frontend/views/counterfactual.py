"""Counterfactual: what each dimension does to reward, value and policy, and a change beside the simulator's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from frontend.client import client
from frontend.components import charts
from frontend.components.markdown import escape_markdown
from frontend.components.pick import pick_checkpoint, select, within
from frontend.components.player import play_reel
from frontend.components.scrubber import short, title, words_of
from frontend.components.share import share, share_chart
from frontend.components.states import live
from frontend.pages import address, link
from frontend.state import Counterfactual, keep_view, key_of, open_view

PAGE = "counterfactual"
MOST_ROWS = 12


def show() -> None:
    """The whole page."""
    view = open_view(PAGE, Counterfactual)
    head, choice = st.columns([1, 4], vertical_alignment="bottom")
    head.title("Counterfactual", anchor=False)
    with choice:
        checkpoint = pick_checkpoint(view.checkpoint, key=key_of(PAGE, "checkpoint"))
    if checkpoint is None:
        return
    if checkpoint["id"] != view.checkpoint:
        start = Counterfactual() if view.checkpoint else view
        view = replace(start, checkpoint=checkpoint["id"])
    detail = client().get(f"/checkpoints/{view.checkpoint}")
    view = _sensitivity(view, detail)
    _against_the_simulator(view, detail)


def _sensitivity(view: Counterfactual, detail: Mapping[str, Any]) -> Counterfactual:
    """Does the policy listen to a distractor?"""
    st.subheader("Does the policy heed a distractor?", anchor=False)
    if not detail["policy"]:
        st.info(
            "A video model has no reward and no policy. Choose the checkpoint of a fine-tuned agent.",
            icon=":material/sports_esports:",
        )
        link("train", "Open the training form")
        return view
    view = replace(view, dataset=_over(view, int(detail["actions"])))
    keep_view(PAGE, view)
    query = {"dataset": view.dataset} if view.dataset else {}
    path = f"/checkpoints/{view.checkpoint}/sensitivity"
    with st.spinner("Moving every dimension by one σ …"):
        table = client().get(path, query)
    outcomes, rows = table["outcomes"], _strongest(table)
    names = [title(row["dim"], None if row["name"] == f"dim {row['dim']}" else row["name"]) for row in rows]
    st.caption(
        f"How far each outcome moves when a dimension moves by one σ, as a share of the outcome's own spread (SD), "
        f"with 95% intervals: {table['frames']:,} frames, {table['episodes']} episodes resampled."
    )
    share_chart(
        f"{PAGE}.sensitivity",
        address(PAGE, view.query()),
        "sensitivity",
        view.checkpoint,
        query,
    )
    st.plotly_chart(charts.shares(rows, outcomes, names), key=f"{PAGE}.shares", config=charts.CONFIG, width="stretch")
    st.dataframe(
        [{"dimension": name, **_cells(row, outcomes)} for name, row in zip(names, rows, strict=True)],
        hide_index=True,
        alt="Sensitivity of each outcome to each dimension",
        column_config={"dimension": "Dimension"},
    )
    for name, row in zip(names[:1], rows[:1], strict=True):
        values = detail["statistics"]
        far = values["mean"][row["dim"]] + 2 * values["std"][row["dim"]]
        branch = {"checkpoint": view.checkpoint, "dim": str(row["dim"]), "value": f"{far:.3g}", "actions": "policy"}
        link("rollouts", f"Branch the future on {escape_markdown(name)}", branch)
    return view


def _over(view: Counterfactual, actions: int) -> str:
    """The frames that are asked: of the clip, or of a data set with as many actions."""
    found = {item["id"]: item for item in client().items("/datasets") if item["action_size"] == actions}
    chosen: str = select(
        "Over the frames of",
        ["", *found],
        view.dataset,
        names=lambda id: f"{found[id]['name']} ({found[id]['frames']:,} frames)" if id else "the checkpoint's clip",
        key=_key(view, "dataset"),
        width=340,
    )
    return chosen


def _strongest(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The active dimensions that move anything most."""
    active = [row for row in table["dimensions"] if row["status"] != "inactive"]
    most = lambda row: max(cell["share"] for cell in row["outcomes"].values())  # noqa: E731
    return sorted(active, key=most, reverse=True)[:MOST_ROWS]


def _cells(row: Mapping[str, Any], outcomes: Sequence[str]) -> dict[str, str]:
    """`.29 SD (.24 to .33), −0.030` for each outcome: the size with its interval, and the mean change with its sign."""
    cells = {}
    for outcome in outcomes:
        cell = row["outcomes"][outcome]
        unit = cell["share"] / cell["size"] if cell["size"] else 0.0
        low, high = (short(end * unit) for end in cell["interval"])
        change = f"{cell['mean']:+.2g}".replace("-", "−")
        cells[outcome] = f"{short(cell['share'])} SD ({low} to {high}), on average {change}"
    return cells


def _against_the_simulator(view: Counterfactual, detail: Mapping[str, Any]) -> None:
    st.subheader("Against the simulator", anchor=False)
    knobs = _knobs(detail)
    if not knobs:
        st.info(
            "The factors of these frames cannot be set in a simulator. They can for checkpoints of an environment with "
            "the distraction “episode”.",
            icon=":material/videogame_asset_off:",
        )
        return
    st.caption(
        "The simulator runs the same episode twice with the same actions; from one step on, one factor has another "
        "value. In the model, the factor's dimension is set to what the encoder reads from the changed picture. "
        f"Factors that keep the value they are given can be changed: {', '.join(words_of(knob) for knob in knobs)}. "
        "Poses and speeds change by themselves; the Interventions tab of Factors sets poses in still scenes."
    )
    view = _controls(view, detail, knobs)
    keep_view(PAGE, view)
    with st.spinner("Running the episode twice in the simulator …"):
        reel = client().get(f"/checkpoints/{view.checkpoint}/counterfactual", view.api())
    _play(reel)


def _controls(view: Counterfactual, detail: Mapping[str, Any], knobs: Sequence[str]) -> Counterfactual:
    longest = detail["clip"]["length"]
    rows = client().get(f"/checkpoints/{view.checkpoint}/atlas", {"columns": 1})["rows"]
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
    return key_of(PAGE, name, *more, view.checkpoint)


def _percent(share: float) -> str:
    """`89%`; nothing where a wrong change is foreseen."""
    return f"{share if share > 0.005 else 0.0:.0%}"


@live()
def _play(reel: Mapping[str, Any]) -> None:
    view = open_view(PAGE, Counterfactual)
    factor = reel["factor"].replace("_", " ")
    left, right = st.columns([1, 3], vertical_alignment="center")
    left.metric(
        "Explained share of the true change",
        _percent(reel["explained"]),
        help="1 − |true − predicted|² / |true|² over all pixels from the change on; nothing where it is no better than "
        "predicting no change.",
    )
    own = title(reel["dim"], None if reel["name"] == f"dim {reel['dim']}" else reel["name"])
    with right:
        st.markdown(
            f"**{escape_markdown(factor)}** {reel['before']:.2f} → {reel['after']:.2f}; in the model "
            f"**{escape_markdown(own)}** held at "
            f"{reel['value']:.2f} from step {reel['since']} on.".replace("-", "−")
        )
        others = [row for row in reel["dimensions"] if row["dim"] != reel["dim"]][:3]
        told = ", ".join(f"dim {row['dim']} {_percent(row['explained'])}" for row in others)
        st.caption(
            (f"For comparison, other dimensions set to what the encoder reads explain: {told}. " if told else "")
            + "The chart of sizes does not say whether the change is in the right place; the explained share does."
        )
    share(PAGE, view, "counterfactual", view.checkpoint, view.api(), "")
    play_reel(f"{PAGE}.player", reel, step=reel["since"])


if __name__ == "__main__":
    show()
