"""Factors: which dimension stands for which factor of the world, with numbers that can be doubted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from frontend.client import client
from frontend.components import charts
from frontend.components.dimension import badges, best_factor, detail_card, title_of_entry
from frontend.components.interventions import interventions
from frontend.components.markdown import escape_markdown
from frontend.components.matrix import matrix
from frontend.components.pick import pick_checkpoint
from frontend.components.pictures import strip
from frontend.components.scrubber import nats, short, words_of
from frontend.components.share import share_chart
from frontend.components.states import when_computed
from frontend.pages import address, link, path
from frontend.state import Dimension, keep_view, key_of, open_view

PAGE = "factors"
ENOUGH_FRAMES = 5_000
METRICS = {
    "mig": (
        "MIG",
        "Mutual information gap: how far the best dimension of a factor leads the second, averaged over all factors "
        "that vary, also those that no dimension carries.",
    ),
    "dci": ("DCI", "Disentanglement: whether each dimension serves one factor (extra trees)."),
    "dci_completeness": ("DCI-C", "Completeness: whether each factor sits in one dimension."),
    "dci_informativeness": ("DCI-I", "Informativeness: how well each factor is predicted from all dimensions."),
    "dci_lasso": ("DCI (Lasso)", "Disentanglement once more, by sparse linear probes."),
    "sap": ("SAP", "Separated attribute predictability: the gap of linear predictors."),
    "infom": ("InfoM", "Modularity: each latent encodes at most one factor."),
    "infoe": ("InfoE", "Explicitness: factors can be read out linearly."),
    "infoc": ("InfoC", "Compactness: each factor sits in few latents."),
}


def show() -> None:
    """The whole page."""
    view = open_view(PAGE, Dimension)
    head, choice = st.columns([1, 4], vertical_alignment="bottom")
    head.title("Factors", anchor=False)
    with choice:
        checkpoint = pick_checkpoint(view.checkpoint, key=key_of(PAGE, "checkpoint"))
    if checkpoint is None:
        return
    view = replace(view, checkpoint=checkpoint["id"], dim=view.dim if checkpoint["id"] == view.checkpoint else -1)
    keep_view(PAGE, view)
    factors = when_computed(
        f"/checkpoints/{view.checkpoint}/factors",
        "The first time this takes up to a minute; the answer is kept with the checkpoint.",
    )
    if factors is None:
        return
    atlas = client().get(f"/checkpoints/{view.checkpoint}/atlas", {"columns": 11})
    _remarks(view.checkpoint, factors)
    _metrics(factors["metrics"], factors["episodes"])
    _tabs(view, factors, atlas, client().get(f"/checkpoints/{view.checkpoint}")["policy"])


def _tabs(view: Dimension, factors: Mapping[str, Any], atlas: Mapping[str, Any], policy: bool) -> None:
    active = [item for item in factors["dimensions"] if item["status"] != "inactive"]
    active.sort(key=lambda item: -item["kl"])
    if not active:
        st.info(
            "Every dimension is inactive: there is nothing to name. Train longer, or lower beta.",
            icon=":material/hourglass_empty:",
        )
        return
    names = ["Matrix", "Intervals", "Dimensions", "Interventions", "Leakage", *(["Policy"] if policy else [])]
    tabs = st.tabs(names, key=key_of(PAGE, "tab"), default="Dimensions" if view.dim >= 0 else None, on_change="rerun")
    for name, tab in zip(names, tabs, strict=True):
        with tab:
            if not tab.open:
                continue
            if name == "Matrix":
                _matrix(view, factors, active)
            elif name == "Intervals":
                _intervals(view, active)
            elif name == "Dimensions":
                _cards(view, active, atlas, factors)
            elif name == "Interventions":
                interventions(PAGE, view.checkpoint, active, partial(_share, view, "interventions"))
            elif name == "Leakage":
                _leakage(view, active)
            else:
                _policy(view, active)


def _remarks(checkpoint: str, factors: Mapping[str, Any]) -> None:
    st.caption(
        f"{factors['frames']:,} frames of {factors['episodes']} episodes · latent means · seed {factors['seed']} · "
        "0 is chance, 1 is perfect"
    )
    if factors.get("guessed"):
        st.info(
            "The true factors of these videos are unknown. Those below are image statistics (hue, brightness, motion, "
            "position of what moves): guesses, and marked as such.",
            icon=":material/lightbulb:",
        )
    for warning in factors.get("warnings") or ():
        st.caption(f":material/info: {escape_markdown(warning)}")
    if factors["frames"] < ENOUGH_FRAMES:
        with st.popover("Measure over more frames", icon=":material/more_horiz:", key=f"{PAGE}.more"):
            st.caption("Over a data set, from the shell. The answer is kept with the checkpoint and shown here.")
            st.code(f"diswm factors {checkpoint} --dataset DATASET", language=None, wrap_lines=True)


def _metrics(metrics: Mapping[str, Any], episodes: int) -> None:
    around, null = metrics.get("intervals", {}), metrics.get("null", {})
    with st.container(horizontal=True, gap="medium"):
        for name in (name for name in METRICS if name in metrics):
            label, text = METRICS[name]
            if name in around:
                text += f"\n\n95% interval: {around[name][0]:.2f} to {around[name][1]:.2f}"
            if name in null:
                text += f"\n\nBy chance (factors shifted in time): {null[name]:.2f}"
            if _within_chance(metrics, name):
                text += (
                    f"\n\nMeasured {metrics[name]:.2f}, no more than chance: cannot be told from {episodes} episodes."
                )
                st.metric(label, ":gray[—]", help=text, width="content")
            else:
                st.metric(label, f"{metrics[name]:.2f}", help=text, width="content")
    untold = [METRICS[name][0] for name in METRICS if name in metrics and _within_chance(metrics, name)]
    if untold:
        st.caption(f"— cannot be told from {episodes} episodes: {', '.join(untold)} are no more than chance gives.")


def _within_chance(metrics: Mapping[str, Any], name: str) -> bool:
    """Whether a metric's interval reaches down to what chance gives."""
    low = metrics.get("intervals", {}).get(name, [metrics[name]])[0]
    chance = metrics.get("null", {}).get(name)
    return chance is not None and low <= chance


def _matrix(view: Dimension, factors: Mapping[str, Any], active: Sequence[Mapping[str, Any]]) -> None:
    if not factors["factor_names"]:
        refused = escape_markdown(", ".join(map(words_of, factors["refused"])))
        st.info(
            f"Nothing can be told of {refused} from {factors['episodes']} episodes: these factors have one value per "
            "episode, so at least 20 episodes are needed."
            if refused
            else "No factor of these frames is known, so there is nothing to compare with.",
            icon=":material/info:",
        )
        return
    st.caption(
        "Normalised mutual information of each active dimension with each factor. Framed: beyond chance. Grey: cannot "
        f"be told from {factors['episodes']} episodes. Choose a cell to see the dimension's traversal."
    )
    _share(view, "factors")
    order = _columns(factors["factor_names"], active)
    place = matrix(
        key_of(PAGE, "matrix", view.checkpoint),
        [[max(0.0, factors["nmi"][item["dim"]][column]) for column in order] for item in active],
        [title_of_entry(item) for item in active],
        [words_of(factors["factor_names"][column]) for column in order],
        least=[[factors["null"][item["dim"]][column] for column in order] for item in active],
        name="NMI",
        leads_to="opens its traversal",
    )
    if place is not None:
        dim = active[place.row]["dim"]
        st.switch_page(path("traversals"), query_params={"checkpoint": view.checkpoint, "dim": str(dim)})


def _columns(names: Sequence[str], active: Sequence[Mapping[str, Any]]) -> list[int]:
    """The columns in the order of the rows that name them, so that names stand on the diagonal; then the others."""
    named = [names.index(item["factor"]) for item in active if item["status"] == "named"]
    return list(dict.fromkeys([*named, *range(len(names))]))


def _intervals(view: Dimension, active: Sequence[Mapping[str, Any]]) -> None:
    known = [item for item in active if item["nmi"] is not None]
    if not known:
        st.info("No factor can be told from these frames, so there is no interval to show.", icon=":material/info:")
        return
    st.caption(
        "Each dimension's best factor with its 95% interval over episodes, and what chance alone gives. Grey: not "
        "beyond chance, so it cannot be told."
    )
    _share(view, "intervals")
    figure = charts.intervals(known, [title_of_entry(item) for item in known])
    st.plotly_chart(figure, key=f"{PAGE}.intervals", config=charts.CONFIG, alt="Best NMI with interval and null")


def _cards(
    view: Dimension, active: Sequence[Mapping[str, Any]], atlas: Mapping[str, Any], factors: Mapping[str, Any]
) -> None:
    inactive, episodes = len(factors["dimensions"]) - len(active), factors["episodes"]
    chosen = next((item for item in active if item["dim"] == view.dim), None)
    if chosen is not None:
        detail_card(view.checkpoint, chosen, atlas, episodes)
    with st.grid(3, gap="medium", min_column_width=320):
        for item in active:
            if item is not chosen:
                with st.container(border=True, key=f"card.{item['dim']}"):
                    _card(view.checkpoint, item, atlas, episodes)
    if inactive:
        st.caption(f"{inactive} inactive dimensions carry almost no information and are left out.")


def _card(checkpoint: str, item: Mapping[str, Any], atlas: Mapping[str, Any], episodes: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{escape_markdown(title_of_entry(item))}**", width="content")
        st.markdown(badges(item), width="content")
    strip(atlas, item["dim"], f"Traversal of {title_of_entry(item)}")
    st.caption(f"KL {nats(item['kl'])} nats · {escape_markdown(best_factor(item, episodes))}")
    with st.container(horizontal=True, vertical_alignment="center"):
        link("traversals", "Traversal", {"checkpoint": checkpoint, "dim": str(item["dim"])})
        if st.button("Details", icon=":material/zoom_in:", type="tertiary", key=f"details.{item['dim']}"):
            keep_view(PAGE, Dimension(checkpoint, item["dim"]))
            st.rerun()


def _share(view: Dimension, table: str) -> None:
    share_chart(f"{PAGE}.{table}", address(PAGE, view.query()), table, view.checkpoint, {})


def _leakage(view: Dimension, active: Sequence[Mapping[str, Any]]) -> None:
    with st.spinner("Decoding and encoding again …"):
        leakage = client().get(f"/checkpoints/{view.checkpoint}/leakage")
    dims, names = [item["dim"] for item in active], [title_of_entry(item) for item in active]
    st.metric(
        "Diagonal share",
        short(leakage["diagonal_share"]),
        help="1: an edit of a dimension moves that dimension alone.",
    )
    st.caption(
        "Edit the row's dimension by one σ, decode, encode again: how many σ the column's dimension moved. "
        "In a disentangled model only the diagonal moves."
    )
    rows = [[leakage["matrix"][row][column] for column in dims] for row in dims]
    _share(view, "leakage")
    figure = charts.matrix(rows, names, names, name="σ moved")
    st.plotly_chart(figure, key=f"{PAGE}.leakage", config=charts.CONFIG, alt="Leakage between dimensions")


def _policy(view: Dimension, active: Sequence[Mapping[str, Any]]) -> None:
    with st.spinner("Asking the policy …"):
        table = client().get(f"/checkpoints/{view.checkpoint}/sensitivity")
    st.caption(
        "Move a dimension by one σ: how far predicted reward, value and actions move, as a share of their own "
        "spread over the clip. The policy heeds a distractor whose dimension has a large share here."
    )
    known = {item["dim"]: item for item in table["dimensions"]}
    rows = [known[item["dim"]]["outcomes"] for item in active if item["dim"] in known]
    names = [title_of_entry(item) for item in active if item["dim"] in known]
    values = [[row[outcome]["share"] for outcome in table["outcomes"]] for row in rows]
    _share(view, "sensitivity")
    figure = charts.matrix(values, names, table["outcomes"], name="share")
    st.plotly_chart(figure, key=f"{PAGE}.policy", config=charts.CONFIG, alt="Sensitivity of reward, value and actions")
    st.caption(f"{table['frames']:,} frames of {table['episodes']} episodes")


if __name__ == "__main__":
    show()
