"""Beside the training form: what the run takes, Launch, and what was wrong with the last try."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Any

import streamlit as st

from frontend.client import ApiProblem, client
from frontend.components.markdown import escape_markdown
from frontend.components.states import show_problem
from frontend.pages import SECTION, path
from frontend.places import edition
from frontend.schema import Section, nest
from frontend.sections.run_form import PLACE, START, WRONG, Form, titles_of
from frontend.sections.saved_form import elsewhere

STYLE = """<style>
[class*="st-key-wrong"] { border-left: 3px solid var(--st-red-color, #c8372d); padding-left: 8px; }
@media (min-width: 641px) {
  [data-testid="stColumn"]:has(.st-key-train-new-side) > [data-testid="stVerticalBlock"] {
    position: sticky; top: 4.5rem; height: fit-content; max-height: calc(100vh - 5rem); overflow-y: auto;
  }
}
@media (max-width: 640px) {
  .st-key-train-new-launchbar { position: fixed; left: 0; right: 0; bottom: 0; z-index: 90; padding: 8px 16px;
    background: var(--background-color, Canvas); box-shadow: 0 -1px 6px rgb(0 0 0 / 0.25); }
}
</style>"""
LONG_MINUTES = 240  # a longer run is confirmed before it is launched


def launch_side(view: Form, preset: Mapping[str, Any], changes: Mapping[str, Any], parts: list[Section]) -> None:
    start = st.session_state.get(START, {})
    with st.container(border=True, key=f"{PLACE}.side"):
        estimates = _estimates(view, preset, changes)
        minutes = sum(part["minutes"] for part in estimates)
        left, right = st.columns(2)
        left.metric("Time, about", _minutes(minutes), help="Estimated for two CPU cores. A GPU is many times faster.")
        right.metric("Memory, about", f"{max(part['memory_gb'] for part in estimates):g} GB")
        name = st.text_input(
            "Name", start.get("name", ""), placeholder="a name to find it by", key=f"{PLACE}.name.{edition(PLACE)}"
        )
        seed = int(st.number_input("Seed", 0, 2**31, int(start.get("seed", 0)), key=f"{PLACE}.seed.{edition(PLACE)}"))
        body = {
            "stage": view.stage,
            "preset": view.preset,
            "settings": nest(changes),
            "name": name or None,
            "seed": seed,
        }
        _launch_button(body, minutes)
        problem = st.session_state.get(f"{PLACE}.problem")
        if problem:
            _say_wrong(problem, parts)
        st.caption("Runs wait in a queue: launch as many as you like.")
    elsewhere(view, body, changes)
    st.html(STYLE)


def _launch_button(body: Mapping[str, Any], minutes: float) -> None:
    """Launches; asks first before a very long run. On a phone it stays at the bottom of the screen."""
    with st.container(key=f"{PLACE}.launchbar"):
        icon = ":material/rocket_launch:"
        if minutes <= LONG_MINUTES:
            if st.button("Launch", type="primary", icon=icon, width="stretch", key=f"{PLACE}.launch"):
                _launch(body)
            return
        with st.popover("Launch", icon=icon, type="primary", width="stretch", key=f"{PLACE}.ask"):
            st.markdown(
                f"On two CPU cores this takes about **{_minutes(minutes)}**; on a GPU, much less. The run can be "
                "stopped at any time and resumed later."
            )
            if st.button("Launch anyway", type="primary", width="stretch", key=f"{PLACE}.launch"):
                _launch(body)


def _estimates(view: Form, preset: Mapping[str, Any], changes: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Time and memory of each stage, of these settings; of the preset's where these cannot be run."""
    try:
        body = {"stage": view.stage, "preset": view.preset, "settings": nest(changes)}
        return list(client().post("/estimates", body)["estimate"].values())
    except ApiProblem:
        return [preset["estimate"][name] for name in _stages(view.stage, preset["estimate"])]


def _say_wrong(problem: ApiProblem, parts: list[Section]) -> None:
    """Names the fields that need another value by title; shows other errors as the API words them."""
    titles = titles_of(parts)
    wrong = [field.field for field in problem.fields if field.field in titles]
    if not wrong or len(wrong) < len(problem.fields):
        show_problem(problem)
        return
    count = "One setting needs" if len(wrong) == 1 else f"{len(wrong)} settings need"
    lines = "\n".join(f"- {escape_markdown(titles[name])}" for name in wrong)
    st.error(
        f"**Not launched.** {count} another value; each is marked in red in the form.\n{lines}", icon=":material/error:"
    )


def _launch(body: Mapping[str, Any]) -> None:
    """Send the run; the same form sent twice makes one run. Errors are shown at their fields."""
    text = json.dumps(body, sort_keys=True)
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    sent, key = st.session_state.get(f"{PLACE}.key", ("", ""))
    if sent != digest:
        key = uuid.uuid4().hex
        st.session_state[f"{PLACE}.key"] = (digest, key)
    try:
        run = client().post("/runs", {name: value for name, value in body.items() if value is not None}, key=key)
    except ApiProblem as problem:
        st.session_state[WRONG] = {field.field: field.sentence for field in problem.fields}
        st.session_state[f"{PLACE}.problem"] = problem
        st.rerun()
    for name in (WRONG, f"{PLACE}.problem", f"{PLACE}.key"):
        st.session_state.pop(name, None)
    st.switch_page(path("train"), query_params={SECTION: "runs", "id": run["id"]})


def _stages(stage: str, known: Mapping[str, Any]) -> list[str]:
    """The stages that a stage is made of: itself, or for the pipeline all of them."""
    return [stage] if stage in known else [name for name in known if name != "offline"]


def _minutes(minutes: float) -> str:
    if minutes < 1:
        return "under 1 min"
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.0f} h"
