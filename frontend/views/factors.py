"""Factors: which dimension stands for which factor of the world, with numbers that can be doubted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from frontend.client import client
from frontend.components import charts
from frontend.components.labels import label_form
from frontend.components.pick import pick_checkpoint
from frontend.components.pictures import strip
from frontend.components.scrubber import short, title
from frontend.pages import link
from frontend.state import Chosen, keep_view, key_of, open_view

PAGE = "factors"
METRICS = {
    "mig": ("MIG", "Mutual information gap: how far the best dimension of a factor leads the second."),
    "dci": ("DCI", "Disentanglement: whether each dimension serves one factor."),
    "sap": ("SAP", "Separated attribute predictability: the gap of linear predictors."),
    "infomec_m": ("InfoM", "Modularity: each latent encodes at most one factor."),
    "infomec_e": ("InfoE", "Explicitness: factors can be read out simply."),
    "infomec_c": ("InfoC", "Compactness: each factor sits in few latents."),
}
STATUS = {
    "named": ":green-badge[:material/check: named]",
    "mixed": ":orange-badge[:material/call_split: mixed]",
    "unnamed": ":gray-badge[:material/question_mark: unnamed]",
    "inactive": ":gray-badge[:material/remove: inactive]",
}


def show() -> None:
    """The whole page."""
    view = open_view(PAGE, Chosen)
    head, choice = st.columns([1, 4], vertical_alignment="bottom")
    head.title("Factors", anchor=False)
    with choice:
        checkpoint = pick_checkpoint(view.id, key=key_of(PAGE, "checkpoint"))
    if checkpoint is None:
        return
    view = replace(view, id=checkpoint["id"], dim=view.dim if checkpoint["id"] == view.id else -1)
    keep_view(PAGE, view)
    with st.spinner("Encoding the clip and measuring; the first time takes up to a minute …"):
        factors = client().get(f"/checkpoints/{view.id}/factors", {"wait": True})
        atlas = client().get(f"/checkpoints/{view.id}/atlas", {"columns": 11})
    if factors.get("guessed"):
        st.info(
            "These videos come without truth. The factors below are image statistics (hue, brightness, motion, "
            "position of what moves): guesses, marked as such.",
            icon=":material/lightbulb:",
        )
    _metrics(factors)
    active = [item for item in factors["dimensions"] if item["status"] != "inactive"]
    active.sort(key=lambda item: -item["kl"])
    tabs = st.tabs(
        ["Matrix", "Intervals", "Dimensions", "Leakage"],
        key=f"{PAGE}.tab",
        default="Dimensions" if view.dim >= 0 else None,
    )
    with tabs[0]:
        _matrix(factors, active)
    with tabs[1]:
        st.caption(
            "Each dimension's best factor with its interval (episodes resampled), and what chance alone would give."
        )
        st.plotly_chart(
            charts.intervals(active, [_title(item) for item in active]),
            key=f"{PAGE}.intervals",
            config=charts.CONFIG,
            alt="Best NMI of each dimension with interval and null",
        )
    with tabs[2]:
        _cards(view, active, atlas, len(factors["dimensions"]) - len(active))
    with tabs[3]:
        _leakage(view.id, active)


def _metrics(factors: Mapping[str, Any]) -> None:
    metrics = factors["metrics"]
    around = metrics.get("intervals", {})
    known = [name for name in METRICS if isinstance(metrics.get(name), int | float)]
    with st.container(horizontal=True, gap="large"):
        for name in known:
            label, text = METRICS[name]
            low_high = around.get(name)
            text += f"\n\n95% interval: {low_high[0]:.2f} to {low_high[1]:.2f}" if low_high else ""
            st.metric(label, f"{metrics[name]:.2f}", help=text, width="content")
    st.caption(
        f"{factors['frames']:,} frames of {factors['episodes']} episodes · latent means · seed {factors['seed']} · "
        "0 is chance, 1 is perfect"
    )


def _matrix(factors: Mapping[str, Any], active: Sequence[Mapping[str, Any]]) -> None:
    st.caption("Normalised mutual information of each active dimension with each factor.")
    values = [factors["nmi"][item["dim"]] for item in active]
    figure = charts.matrix(values, [_title(item) for item in active], factors["factor_names"], name="NMI")
    st.plotly_chart(figure, key=f"{PAGE}.matrix", config=charts.CONFIG, alt="Matrix of dimensions and factors")


def _cards(view: Chosen, active: Sequence[Mapping[str, Any]], atlas: Mapping[str, Any], inactive: int) -> None:
    ordered = sorted(active, key=lambda item: item["dim"] != view.dim)
    with st.grid(2, gap="medium"):
        for item in ordered:
            with st.container(border=True, key=f"card.{item['dim']}"):
                _card(view.id, item, atlas)
    if inactive:
        st.caption(f"{inactive} inactive dimensions carry next to nothing and are left out.")


def _card(checkpoint: str, item: Mapping[str, Any], atlas: Mapping[str, Any]) -> None:
    dim = item["dim"]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{_title(item)}**", width="content")
        st.markdown(STATUS.get(item["status"], item["status"]), width="content")
        st.caption(f"KL {item['kl']:.2f} nats", width="content")
    strip(atlas, dim, f"Traversal of {_title(item)}")
    low, high = item["interval"]
    sign = "+" if item["sign"] >= 0 else "−"
    lines = [f"**{item['factor']}** {short(item['nmi'])} ({short(low)} to {short(high)}), sign {sign}"]
    if item.get("second_factor"):
        second = f"then {item['second_factor']} {short(item['second_nmi'])}"
        lines.append(f"{second} · lead {short(item['margin'])} · null {short(item['null'])}")
    st.markdown("  \n".join(lines))
    with st.container(horizontal=True):
        link("traversals", "Traversal", {"checkpoint": checkpoint, "dim": str(dim)})
        with st.popover("Name it", icon=":material/label:"):
            label_form(checkpoint, dim, atlas)


def _leakage(checkpoint: str, active: Sequence[Mapping[str, Any]]) -> None:
    leakage = client().get(f"/checkpoints/{checkpoint}/leakage")
    dims = [item["dim"] for item in active]
    names = [_title(item) for item in active]
    st.metric(
        "Diagonal share",
        f"{leakage['diagonal_share']:.2f}",
        help="1: an edit of a dimension comes back in that dimension alone.",
    )
    st.caption(
        "Edit the row's dimension, decode, encode again: how much the column's dimension moved. Diagonal is best."
    )
    order = leakage.get("dims") or list(range(len(leakage["matrix"])))
    place = {dim: index for index, dim in enumerate(order)}
    rows = [[leakage["matrix"][place[a]][place[b]] for b in dims if b in place] for a in dims if a in place]
    figure = charts.matrix(rows, names, names, name="moved")
    st.plotly_chart(figure, key=f"{PAGE}.leakage", config=charts.CONFIG, alt="Leakage between dimensions")


def _title(item: Mapping[str, Any]) -> str:
    return title(item["dim"], item.get("name"))


if __name__ == "__main__":
    show()
