"""Runs: what runs, how far, how well; and everything that can be done with a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from frontend.client import ApiProblem, client
from frontend.components import charts
from frontend.components.markdown import escape_markdown
from frontend.components.quality import sees_of_run
from frontend.components.returns import name_random, returns_first
from frontend.components.states import empty, gone, live, show_problem
from frontend.components.words import (
    ENDED,
    OF_TINY,
    ago,
    elapsed,
    progress_line,
    progress_share,
    state_badge,
    state_text,
)
from frontend.pages import link, path
from frontend.places import open_view, save_view
from frontend.state import Chosen

PLACE = "train/runs"
COUNTERS = ("updates", "agent_steps", "environment_steps")
FIRST = ("evaluation_return", "episode_return", "image", "latent", "dynamics", "distillation")  # drawn at first
QUIET = ("gradient_norm", "distill_weight", "frames_per_second")  # not drawn at first
LOG_CHARACTERS = 20_000
SOURCES = {
    "shell": "Started from the shell: stop it there with Ctrl-C, go on there with --resume.",
    "shipped": "Comes with the program.",
}
GONE = f"{PLACE}.gone"  # the run of a link that is not here, until another one is chosen
STOP = {
    "queued": ("Take out of the queue", "The run will not start."),
    "running": ("Stop and save", "The run saves a checkpoint and stops."),
}


def show() -> None:
    """The whole section."""
    save_view(PLACE, open_view(PLACE, Chosen))
    runs = client().items("/runs")
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
    runs = sorted(client().items("/runs"), key=lambda run: run["created_at"] or "", reverse=True)
    if not runs:
        st.rerun()
    known = [run["id"] for run in runs]
    picked = _table(runs)
    first = next((run["id"] for run in runs if run["state"] == "running"), known[0])
    if view.id and view.id not in known:
        st.session_state[GONE] = view.id
    if picked:
        st.session_state.pop(GONE, None)
    if st.session_state.get(GONE):
        gone("run", st.session_state[GONE], "Another one is shown.")
    chosen = picked or (view.id if view.id in known else first)
    save_view(PLACE, replace(view, id=chosen))
    _detail(next(run for run in runs if run["id"] == chosen), runs)


def _table(runs: list[dict[str, Any]]) -> str | None:
    """The list of runs; the id of the row that was clicked."""
    rows = [
        {
            "state": state_text(run["state"]),
            "name": run["name"] or run["id"],
            "stage": run["stage"],
            "preset": run["preset"],
            "progress": 100 * progress_share(run),
            "now": progress_line(run) or (run["error"] or {}).get("message", "") or elapsed(run),
            "started": ago(run["started_at"]) if run["started_at"] else "not yet",
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
            "state": st.column_config.TextColumn("State", width="small"),
            "name": st.column_config.TextColumn("Run", width="medium"),
            "stage": st.column_config.TextColumn("Stage", width="small"),
            "preset": st.column_config.TextColumn("Preset", width="small"),
            "progress": st.column_config.ProgressColumn(
                "Progress", format="%.0f %%", min_value=0, max_value=100, width="small"
            ),
            "now": st.column_config.TextColumn("Now", width="large"),
            "started": st.column_config.TextColumn("Started", width="small"),
        },
    )
    selected = answer["selection"]["cells"]
    return runs[selected[0][0]]["id"] if selected and selected[0][0] < len(runs) else None


def _detail(run: Mapping[str, Any], runs: list[dict[str, Any]]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(escape_markdown(run["name"] or run["id"]), anchor=False, width="content")
        st.markdown(state_badge(run["state"]), width="content")
        facts = [run["stage"], run["preset"], f"seed {run['seed']}", elapsed(run)]
        st.caption(escape_markdown(" · ".join(fact for fact in facts if fact)), width="content")
    with st.container():  # always one place, so that what follows keeps its own: a button must not be drawn twice
        _remarks(run)
    _actions(run)
    left, right = st.columns([3, 2], gap="large")
    with left:
        _curves(run, runs)
    with right:
        _log(run)
        st.caption("The same from the shell")
        st.code(run["command"], language=None, wrap_lines=True)
        with st.expander("Settings"):
            st.json(run["settings"], expanded=1)


def _remarks(run: Mapping[str, Any]) -> None:
    """How far a run is, or what came of it."""
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


def _actions(run: Mapping[str, Any]) -> None:
    """What can be done with a run. What is always there comes first and keeps its place when the state changes."""
    name = run["id"]
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            "Run again", icon=":material/replay:", key=f"clone.{name}", help="Queue the same settings once more."
        ):
            _do(f"/runs/{name}/clone", "A copy waits in the queue.")
        if st.button("Clone and edit", icon=":material/edit:", key=f"edit.{name}"):
            st.switch_page(path("train"), query_params={"run": name})
        stop, stopped = STOP.get(run["state"], STOP["running"])
        if run["source"] != "queue":
            st.caption(SOURCES[run["source"]], width="content")
        elif run["state"] not in ENDED and st.button(stop, icon=":material/stop_circle:", key=f"stop.{name}"):
            _do(f"/runs/{name}/cancel", stopped)
        if run["resumable"] and st.button("Resume", icon=":material/play_circle:", key=f"resume.{name}"):
            _do(f"/runs/{name}/resume", "The run goes on from its last checkpoint.")
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
    """More of what the run did last, from its last save on."""
    *section, setting = run["amount"]["setting"].split(".")
    words, done = setting.replace("_", " "), run["amount"]["value"]
    st.markdown(f"The run has done its **{done:,}** {words}. It goes on from there, with all its other settings.")
    wanted = st.number_input(f"{words.capitalize()} in all", done + 1, None, 2 * done, key=f"amount.{run['id']}")
    if st.button("Go on", type="primary", icon=":material/play_circle:", key=f"further.{run['id']}"):
        settings: dict[str, Any] = {setting: int(wanted)}
        for part in section:
            settings = {part: settings}
        _do(f"/runs/{run['id']}/resume", "The run waits in the queue, to go on.", {"settings": settings})


def _do(address: str, done: str, body: Mapping[str, Any] | None = None) -> None:
    try:
        client().post(address, body)
    except ApiProblem as problem:
        show_problem(problem)
        return
    st.toast(done)
    st.rerun()


def _delete(run: str, name: str) -> None:
    st.markdown(f"**{escape_markdown(name)}** will be deleted for good, with log, curves, checkpoints and data.")
    if st.button("Delete it", type="primary", icon=":material/delete:", key=f"delete.{run}"):
        try:
            client().delete(f"/runs/{run}")
        except ApiProblem as problem:
            show_problem(problem)
            return
        st.toast(f"{escape_markdown(name)} was deleted.")
        st.rerun()


def _without_curves(run: Mapping[str, Any]) -> str:
    if run["stage"] == "collect":
        return "Collecting trains nothing, so there are no curves. Its result is a data set."
    return (
        "This run ended before its first metrics."
        if run["state"] in ENDED
        else "Curves appear here with the first update."
    )


def _curves(run: Mapping[str, Any], runs: list[dict[str, Any]]) -> None:
    lines = _of_one_stage(run["id"], _metrics(run["id"]))
    names = {name for line in lines for name in line} - {"time", "phase", *COUNTERS}
    if not names:
        st.caption(_without_curves(run))
        return
    counters = [name for name in COUNTERS if any(line.get(name) for line in lines)] or ["updates"]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        axis = st.segmented_control(
            "Over",
            counters,
            default=counters[0],
            required=True,
            key=f"axis.{run['id']}",
            format_func=lambda name: name.replace("_", " "),
        )
        names_of = _names_of(runs)
        others = {other["id"]: names_of[other["id"]] for other in runs if other["id"] != run["id"]}
        beside = st.multiselect(
            "Compare with",
            list(others),
            format_func=others.__getitem__,
            key=f"beside.{run['id']}",
            placeholder="another run",
            max_selections=4,
            width=260,
        )
    returns, losses = returns_first(names)
    found = {names_of[run["id"]]: lines} | {others[other]: _same_stage(_metrics(other), lines) for other in beside}
    for title, group, log in (("Return", returns, False), ("Losses", losses, True)):
        if group:
            start = [name for name in FIRST if name in group] or [name for name in group if name not in QUIET][:4]
            shown = st.pills(title, group, selection_mode="multi", default=start, wrap=True, key=f"{title}.{run['id']}")
            figure = charts.curves(_series(found, shown, axis or "updates"), axis=axis or "updates", log=log)
            st.plotly_chart(figure, key=f"figure.{title}.{run['id']}", config=charts.CONFIG, alt=f"{title} over {axis}")


def _of_one_stage(run: str, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines of one stage of a pipeline, whose stages count their updates from zero. The last one, unless chosen."""
    stages = list(dict.fromkeys(map(_stage, lines)))
    if len(stages) < 2:
        return lines
    stage = st.segmented_control("Stage", stages, default=stages[-1], required=True, key=f"stage.{run}.{len(stages)}")
    return [line for line in lines if _stage(line) == (stage or stages[-1])]


def _same_stage(lines: list[dict[str, Any]], like: list[dict[str, Any]]) -> list[dict[str, Any]]:
    stages = set(map(_stage, like))
    return [line for line in lines if _stage(line) in stages] or lines


def _stage(line: Mapping[str, Any]) -> str:
    """`pretrain`, or `finetune`, whose lines are of updates, episodes and evaluations."""
    return "pretrain" if line.get("phase", "pretrain") == "pretrain" else "finetune"


def _names_of(runs: list[dict[str, Any]]) -> dict[str, str]:
    """What each run is called; those of one name by their id as well."""
    names = [run["name"] for run in runs]
    return {
        run["id"]: (run["name"] if names.count(run["name"]) == 1 else f"{run['name']} ({run['id']})")
        if run["name"]
        else run["id"]
        for run in runs
    }


def _series(
    found: Mapping[str, list[dict[str, Any]]], names: list[str], axis: str
) -> dict[str, tuple[list[float], list[float]]]:
    series = {}
    for run, lines in found.items():
        for name in names:
            points = [(line.get(axis, 0), line[name]) for line in lines if name in line]
            label = name if len(found) == 1 else f"{run}: {name}"
            series[label] = ([x for x, _ in points], [y for _, y in points])
    return series


def _metrics(run: str) -> list[dict[str, Any]]:
    """All metric lines of a run; only what is new is asked for."""
    seen: dict[str, tuple[int, list[dict[str, Any]]]] = st.session_state.setdefault(f"{PLACE}.metrics", {})
    since, lines = seen.get(run, (0, []))
    answer = client().get(f"/runs/{run}/metrics", {"since": since})
    if answer["next"] < since:
        lines, answer = [], client().get(f"/runs/{run}/metrics", {"since": 0})
    seen[run] = (answer["next"], lines + name_random(answer["items"]))
    return seen[run][1]


def _log(run: Mapping[str, Any]) -> None:
    seen: dict[str, tuple[int, str]] = st.session_state.setdefault(f"{PLACE}.log", {})
    since, text = seen.get(run["id"], (0, ""))
    answer = client().get(f"/runs/{run['id']}/log", {"since": since})
    text = (text + answer["text"])[-LOG_CHARACTERS:] if answer["next"] >= since else answer["text"]
    seen[run["id"]] = (answer["next"], text)
    st.caption("Log")
    with st.container(height=260, autoscroll=True, border=True):
        st.code(text or "nothing yet", language=None, wrap_lines=True)
