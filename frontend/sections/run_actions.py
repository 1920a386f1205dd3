"""What can be done with a run: stop, resume, go further, clone, delete, open what it made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from frontend.client import ApiProblem, client
from frontend.components.markdown import escape_markdown
from frontend.components.states import show_problem
from frontend.components.words import ENDED
from frontend.pages import link, path

SOURCES = {
    "shell": "Started from the shell: stop it there with Ctrl-C and continue it there with --resume.",
    "shipped": "Shipped with the program.",
}
STOP = {
    "queued": ("Remove from the queue", "The run will not start."),
    "running": ("Stop and save", "The run saves a checkpoint and stops."),
}


def run_actions(run: Mapping[str, Any]) -> None:
    """The actions of a run.

    Those that are always there come first, so that they keep their place when the state changes.
    """
    name = run["id"]
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            "Run again", icon=":material/replay:", key=f"clone.{name}", help="Queue the same settings once more."
        ):
            _do(f"/runs/{name}/clone", "A copy is in the queue.")
        if st.button("Clone and edit", icon=":material/edit:", key=f"edit.{name}"):
            st.switch_page(path("train"), query_params={"run": name})
        stop, stopped = STOP.get(run["state"], STOP["running"])
        if run["source"] != "queue":
            st.caption(SOURCES[run["source"]], width="content")
        elif run["state"] not in ENDED and st.button(stop, icon=":material/stop_circle:", key=f"stop.{name}"):
            _do(f"/runs/{name}/cancel", stopped)
        if run["resumable"] and st.button("Resume", icon=":material/play_circle:", key=f"resume.{name}"):
            _do(f"/runs/{name}/resume", "The run continues from its last checkpoint.")
        if run["state"] == "succeeded" and run["amount"]:
            with st.popover("Go further", icon=":material/fast_forward:", key=f"more.{name}"):
                _go_further(run)
        if run["checkpoint"]:
            link("traversals", "Its traversals", {"checkpoint": run["checkpoint"]})
        if run["dataset"]:
            link("data", "Its data set", {"id": run["dataset"]})
        if run["state"] in ENDED and run["source"] != "shipped":
            with st.popover("Delete", icon=":material/delete:", key=f"ask.{name}"):
                _delete(name, run["name"] or name)


def _go_further(run: Mapping[str, Any]) -> None:
    """Continue the run with more steps, from its last save."""
    *section, setting = run["amount"]["setting"].split(".")
    words, done = setting.replace("_", " "), run["amount"]["value"]
    st.markdown(f"The run has done its **{done:,}** {words}. It goes on from there, with all its other settings.")
    wanted = st.number_input(f"{words.capitalize()} in all", done + 1, None, 2 * done, key=f"amount.{run['id']}")
    if st.button("Go on", type="primary", icon=":material/play_circle:", key=f"further.{run['id']}"):
        settings: dict[str, Any] = {setting: int(wanted)}
        for part in section:
            settings = {part: settings}
        _do(f"/runs/{run['id']}/resume", "The run is in the queue and will continue.", {"settings": settings})


def _do(address: str, done: str, body: Mapping[str, Any] | None = None) -> None:
    try:
        client().post(address, body)
    except ApiProblem as problem:
        show_problem(problem)
        return
    st.toast(done)
    st.rerun()


def _delete(run: str, name: str) -> None:
    st.markdown(f"**{escape_markdown(name)}** will be deleted permanently, with log, curves, checkpoints and data.")
    if st.button("Delete it", type="primary", icon=":material/delete:", key=f"delete.{run}"):
        try:
            client().delete(f"/runs/{run}")
        except ApiProblem as problem:
            show_problem(problem)
            return
        st.toast(f"{escape_markdown(name)} was deleted.")
        st.rerun()
