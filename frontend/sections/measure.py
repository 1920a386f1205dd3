"""Measures the factors of a checkpoint over a data set, and shows the progress."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from frontend import commands
from frontend.client import ApiProblem, client
from frontend.components.listing import choose_in, chosen_at, listing, search
from frontend.components.markdown import escape_markdown
from frontend.components.states import live, show_problem

MEASURING = "factors.measuring"  # checkpoints that this session has asked to measure


def measure_button(checkpoint: str, actions: int) -> None:
    """A button that opens the choice of a data set: those with as many actions as the model, or with none."""
    asked: set[str] = st.session_state.setdefault(MEASURING, set())
    if checkpoint in asked:
        _follow(checkpoint)
        return
    key = f"factors.over.{checkpoint}"
    listed = listing("/datasets", [chosen_at(key)], {"actions": (0, actions)})
    found = listed.items
    with st.popover("Measure over a data set", icon=":material/straighten:", key="factors.more"):
        if not found:
            st.caption("No data set fits this model: collect one from its simulator, or upload your own on Data.")
            return
        chosen = st.selectbox("Data set", list(found), format_func=lambda id: _named(found[id]), key=key)
        search(listed, "data sets", key, _named, choose_in(key))
        st.caption("Every frame is encoded; it takes from seconds to minutes. The answer replaces the one shown here.")
        if st.button("Measure", type="primary", key=f"factors.measure.{checkpoint}"):
            _begin(checkpoint, str(chosen))
        st.caption("The same from the shell")
        line = commands.in_home(f"diswm factors {checkpoint} --dataset {chosen}")
        st.code(line, language=None, wrap_lines=True)


def _named(item: Mapping[str, Any]) -> str:
    return f"{item['name']}: {item['episodes']} episodes, {item['frames']:,} frames"


def _begin(checkpoint: str, dataset: str) -> None:
    try:
        client().post(f"/checkpoints/{checkpoint}/measurements", {"dataset": dataset})
    except ApiProblem as problem:
        show_problem(problem)
        return
    st.session_state[MEASURING].add(checkpoint)
    st.rerun()


@live(every=2.0)
def _follow(checkpoint: str) -> None:
    """Shows the progress, and redraws the page once it is done."""
    try:
        answer = client().get(f"/checkpoints/{checkpoint}/measurements")
    except ApiProblem as problem:
        st.session_state[MEASURING].discard(checkpoint)
        show_problem(problem)
        return
    if answer["running"]:
        st.info(f"Factors are being measured over the data set: {escape_markdown(answer['progress'])}.", icon="spinner")
        return
    st.session_state[MEASURING].discard(checkpoint)
    st.rerun()
