"""Runs: the list, progress and results of runs, and everything that can be done with one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from frontend.client import client
from frontend.components.listing import RUNS_LISTED as LISTED
from frontend.components.listing import one_of
from frontend.components.markdown import escape_markdown
from frontend.components.notes import note_button, notes_of
from frontend.components.quality import sees_of_run
from frontend.components.states import empty, gone, live
from frontend.components.words import (
    ENDED,
    OF_TINY,
    elapsed,
    moment,
    progress_line,
    progress_share,
    state_badge,
    state_text,
)
from frontend.places import open_view, save_view
from frontend.sections.run_actions import run_actions
from frontend.sections.run_curves import run_curves
from frontend.sections.run_pictures import Subject, run_pictures
from frontend.state import Chosen

PLACE = "train/runs"
LOG_CHARACTERS = 20_000
SEARCHED = 8  # from this number of runs on there is a search
Notes = Mapping[str, Mapping[str, Any]]  # tags and notes by the id of a run
MOST_BESIDE = 4  # runs beside the one that is open
GONE = f"{PLACE}.gone"  # the run of a link that is not here, until another one is chosen


def show() -> None:
    """The whole section."""
    save_view(PLACE, open_view(PLACE, Chosen))
    runs = client().get("/runs", {"limit": LISTED})["items"]
    if not runs:
        empty(
            "No run yet",
            "Start one from the form: the preset `tiny` takes a few minutes.",
            ":material/monitoring:",
            page="train",
            label="Open the training form",
        )
        return
    going = any(run["state"] not in ENDED for run in runs)
    live(every=2.0 if going else 10.0)(_page)()


def _page() -> None:
    view = open_view(PLACE, Chosen)
    listed = client().get("/runs", {"limit": LISTED})
    runs = sorted(listed["items"], key=lambda run: run["created_at"] or "", reverse=True)
    if not runs:
        st.rerun()
    if view.id and view.id not in {run["id"] for run in runs}:
        runs += one_of("/runs", view.id)
    known = [run["id"] for run in runs]
    notes = notes_of("run")
    shown = _found(runs, notes, more=bool(listed["next_cursor"]))
    known += [run["id"] for run in shown if run["id"] not in known]
    picked = _table(shown, notes) if shown else None
    first = next((run["id"] for run in runs if run["state"] == "running"), known[0])
    if view.id and view.id not in known:
        st.session_state[GONE] = view.id
    if picked:
        st.session_state.pop(GONE, None)
    if st.session_state.get(GONE):
        gone("run", st.session_state[GONE], "Another one is shown.")
    chosen = picked or (view.id if view.id in known else first)
    save_view(PLACE, replace(view, id=chosen))
    everything = {run["id"]: run for run in (*shown, *runs)}
    _detail(everything[chosen], list(everything.values()), notes)


def _found(runs: list[dict[str, Any]], notes: Notes, *, more: bool) -> list[dict[str, Any]]:
    """The runs that a search finds, by name, id, stage, preset, state, tag or note; all of few.

    Where there are `more` runs than `runs`, the API searches, too.
    """
    if len(runs) < SEARCHED:
        return runs
    text = st.text_input(
        "Search runs",
        key=f"{PLACE}.search",
        placeholder="name, stage, preset, state, tag or note",
        label_visibility="collapsed",
        width=420,
    )
    words = text.lower().split()
    if more:
        runs = _with_older(runs, text, notes) if words else runs
        st.caption(f"The newest {LISTED} runs are listed; a search finds older ones, too.")
    found = [run for run in runs if all(word in _words_of(run, notes.get(run["id"], {})) for word in words)]
    if not found:
        st.caption("No run has all these words.")
    return found


def _with_older(runs: list[dict[str, Any]], text: str, notes: Notes) -> list[dict[str, Any]]:
    """These runs, and older ones that the API finds, or whose tags and notes have a word of the search."""
    known = {run["id"]: run for run in runs}
    known |= {run["id"]: run for run in client().get("/runs", {"limit": LISTED, "search": text})["items"]}
    words = text.lower().split()
    for id, note in notes.items():
        if id not in known and any(word in " ".join([*note["tags"], note["note"]]).lower() for word in words):
            known |= {run["id"]: run for run in one_of("/runs", id)}
    return list(known.values())


def _words_of(run: Mapping[str, Any], note: Mapping[str, Any]) -> str:
    parts = [run[name] or "" for name in ("name", "id", "stage", "preset", "state")]
    return " ".join([*parts, *note.get("tags", ()), note.get("note", "")]).lower()


def _table(runs: list[dict[str, Any]], notes: Notes) -> str | None:
    """The list of runs; the id of the row that was clicked."""
    rows = [
        {
            "state": state_text(run["state"]),
            "name": run["name"] or run["id"],
            "stage": run["stage"],
            "preset": run["preset"],
            "progress": 100 * progress_share(run),
            "now": progress_line(run) or (run["error"] or {}).get("message", "") or elapsed(run),
            "started": moment(run["started_at"]),
            "tags": ", ".join(notes.get(run["id"], {}).get("tags", ())),
        }
        for run in runs
    ]
    answer = st.dataframe(
        rows,
        hide_index=True,
        key=f"{PLACE}.table.{hash(tuple(run['id'] for run in runs))}",  # a row number means nothing in another list
        on_select="rerun",
        selection_mode="single-cell",
        height="content" if len(rows) < 8 else 300,
        alt="All runs, newest first",
        column_config={
            "state": st.column_config.TextColumn("State", width=112),
            "name": st.column_config.TextColumn("Run", width="medium"),
            "stage": st.column_config.TextColumn("Stage", width="small"),
            "preset": st.column_config.TextColumn("Preset", width="small"),
            "progress": st.column_config.ProgressColumn(
                "Progress", format="%.0f %%", min_value=0, max_value=100, width="small"
            ),
            "now": st.column_config.TextColumn("Now", width="large"),
            "started": st.column_config.DatetimeColumn("Started", format="distance", width="small"),
            "tags": st.column_config.TextColumn("Tags", width="small"),
        },
    )
    selected = answer["selection"]["cells"]
    return runs[selected[0][0]]["id"] if selected and selected[0][0] < len(runs) else None


def _detail(run: Mapping[str, Any], runs: list[dict[str, Any]], notes: Notes) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(escape_markdown(run["name"] or run["id"]), anchor=False, width="content")
        st.markdown(state_badge(run["state"]), width="content")
        facts = [run["stage"], run["preset"], f"seed {run['seed']}", elapsed(run)]
        st.caption(escape_markdown(" · ".join(fact for fact in facts if fact)), width="content")
        note_button("run", run["id"], notes)
    if note := notes.get(run["id"], {}).get("note"):
        st.caption(escape_markdown(note))
    with st.container():  # one fixed place, so that what follows keeps its own: otherwise a button could be drawn twice
        _remarks(run)
    run_actions(run)
    names = _names_of(runs)
    beside = _beside(run, names)
    made = {other["id"]: other["checkpoint"] for other in runs}
    run_pictures([Subject(id, names[id], made[id]) for id in (run["id"], *beside) if made[id]])
    left, right = st.columns([3, 2], gap="large")
    with left:
        run_curves(run, beside, names)
    with right:
        _log(run)
        st.caption("The same from the shell")
        st.code(run["command"], language=None, wrap_lines=True)
        with st.expander("Settings"):
            st.json(run["settings"], expanded=1)


def _beside(run: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    """Other runs whose curves and pictures are shown beside this one's."""
    others = [id for id in names if id != run["id"]]
    if not others:
        return []
    chosen = st.multiselect(
        "Compare with",
        others,
        format_func=names.__getitem__,
        key=f"beside.{run['id']}",
        placeholder="another run: its pictures and curves are drawn beside these",
        max_selections=MOST_BESIDE,
        width=520,
    )
    return list(chosen)


def _remarks(run: Mapping[str, Any]) -> None:
    """A run's progress, or its result."""
    if run["state"] not in ENDED:
        st.progress(progress_share(run), text=progress_line(run))
    if run["state"] == "succeeded" and run["preset"] == "tiny" and run["stage"] != "collect":
        st.info(OF_TINY, icon=":material/info:")
    if run["error"]:
        error = run["error"]
        kind = escape_markdown(error["type"].replace("_", " ").capitalize())
        hint = escape_markdown(error.get("hint") or "")
        st.error(f"**{kind}.** {escape_markdown(error['message'])}\n\n{hint}")
    sees_of_run(run)


def _log(run: Mapping[str, Any]) -> None:
    seen: dict[str, tuple[int, str]] = st.session_state.setdefault(f"{PLACE}.log", {})
    since, text = seen.get(run["id"], (0, ""))
    answer = client().get(f"/runs/{run['id']}/log", {"since": since})
    text = (text + answer["text"])[-LOG_CHARACTERS:] if answer["next"] >= since else answer["text"]
    seen[run["id"]] = (answer["next"], text)
    st.caption("Log")
    with st.container(height=260, autoscroll=True, border=True):
        st.code(text or "nothing yet", language=None, wrap_lines=True)


def _names_of(runs: list[dict[str, Any]]) -> dict[str, str]:
    """What each run is called; those of one name by their id as well."""
    names = [run["name"] for run in runs]
    return {
        run["id"]: (run["name"] if names.count(run["name"]) == 1 else f"{run['name']} ({run['id']})")
        if run["name"]
        else run["id"]
        for run in runs
    }
