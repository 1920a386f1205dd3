"""Factors: which dimension stands for which factor, with numbers, their intervals and chance levels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from frontend.client import client
from frontend.components.header import current, open_section
from frontend.components.markdown import escape_markdown
from frontend.components.measured import Measured
from frontend.components.states import when_computed
from frontend.sections import dimensions, intervals, interventions, invariance, leakage, matrix, policy
from frontend.sections.measure import measure_button

PAGE = "factors"
SECTIONS = {
    "matrix": matrix.show,
    "intervals": intervals.show,
    "dimensions": dimensions.show,
    "interventions": interventions.show,
    "leakage": leakage.show,
    "invariance": invariance.show,
    "policy": policy.show,
}
METRICS = {
    "mig": (
        "MIG",
        "Mutual information gap: how far the best dimension of a factor leads the second, averaged over all factors "
        "that vary, also those that no dimension carries.",
    ),
    "dci": ("DCI", "Disentanglement: whether each dimension serves one factor (extra trees)."),
    "dci_completeness": ("DCI-C", "Completeness: whether each factor sits in one dimension."),
    "dci_informativeness": ("DCI-I", "Informativeness: how well each factor is predicted from all dimensions."),
    "dci_lasso": ("DCI (Lasso)", "Disentanglement again, by sparse linear probes."),
    "sap": ("SAP", "Separated attribute predictability: the gap of linear predictors."),
    "infom": ("InfoM", "Modularity: each latent encodes at most one factor."),
    "infoe": ("InfoE", "Explicitness: factors can be read out linearly."),
    "infoc": ("InfoC", "Compactness: each factor sits in few latents."),
}


def show() -> None:
    """The whole page."""
    checkpoint = current()
    if not checkpoint:
        return
    factors = when_computed(
        f"/checkpoints/{checkpoint}/factors",
        "The first time this takes up to a minute; the result is saved with the checkpoint.",
    )
    if factors is None:
        return
    detail = client().get(f"/checkpoints/{checkpoint}")
    section = open_section(PAGE, without=() if detail["policy"] else ("policy",))
    _remarks(factors)
    measure_button(checkpoint, detail["actions"])
    _metrics(factors["metrics"], factors["episodes"])
    active = sorted(
        (item for item in factors["dimensions"] if item["status"] != "inactive"), key=lambda item: -item["kl"]
    )
    if active:
        SECTIONS[section](Measured(checkpoint, factors, active))
    else:
        st.info(
            "Every dimension is inactive: there is nothing to name. Train longer, or lower beta.",
            icon=":material/hourglass_empty:",
        )


def _remarks(factors: Mapping[str, Any]) -> None:
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


def _metrics(metrics: Mapping[str, Any], episodes: int) -> None:
    around, null = metrics.get("intervals", {}), metrics.get("null", {})
    with st.container(horizontal=True, gap="medium", key="factors-metrics"):
        for name in (name for name in METRICS if name in metrics):
            label, text = METRICS[name]
            if name in around:
                text += f"\n\n95% interval: {around[name][0]:.2f} to {around[name][1]:.2f}"
            if name in null:
                text += f"\n\nBy chance (factors shifted in time): {null[name]:.2f}"
            if _within_chance(metrics, name):
                text += f"\n\nMeasured {metrics[name]:.2f}, not beyond chance: not identified from {episodes} episodes."
                st.metric(label, ":gray[—]", help=text, width="content")
            else:
                st.metric(label, f"{metrics[name]:.2f}", help=text, width="content")
    untold = [METRICS[name][0] for name in METRICS if name in metrics and _within_chance(metrics, name)]
    if untold:
        st.caption(
            f"— cannot be identified from {episodes} episodes: {', '.join(untold)} are no more than chance gives."
        )


def _within_chance(metrics: Mapping[str, Any], name: str) -> bool:
    """Whether a metric's interval overlaps the chance level."""
    low = metrics.get("intervals", {}).get(name, [metrics[name]])[0]
    chance = metrics.get("null", {}).get(name)
    return chance is not None and low <= chance


if __name__ == "__main__":
    show()
