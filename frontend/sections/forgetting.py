"""Forgetting: how well a life-long agent knew each of its tasks after each of them, and what it has lost since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from frontend.client import ApiProblem, client
from frontend.components import charts
from frontend.components.markdown import escape_markdown
from frontend.components.share import share_chart
from frontend.places import key_of, link_of, open_view_of, save_view
from frontend.state import Forgetting

PLACE = "compare/forgetting"
NOT_A_CHAPTER = (
    "This checkpoint is not the end of a chapter. The method **lifelong** learns tasks one after another: **Train and "
    "Runs**, Distil and fine-tune; the next run of it names the last one's checkpoint as its video model."
)


def show() -> None:
    """The whole section."""
    view = open_view_of(PLACE, Forgetting)
    try:
        table = client().get(f"/checkpoints/{view.checkpoint}/forgetting")
    except ApiProblem as problem:
        if problem.kind != "no-chapters":
            raise
        save_view(PLACE, view)
        st.info(NOT_A_CHAPTER, icon=":material/school:")
        return
    measures = {measure["name"]: measure for measure in table["measures"]}
    st.markdown(escape_markdown(table["says"]))
    chosen = st.segmented_control(
        "What is measured",
        list(measures),
        default=view.measure if view.measure in measures else next(iter(measures)),
        required=True,
        format_func=lambda name: measures[name]["title"],
        key=key_of(PLACE, "measure", view.checkpoint),
        label_visibility="collapsed",
    )
    view = replace(view, measure=str(chosen))
    save_view(PLACE, view)
    _matrix(view, table, measures[view.measure])


def _matrix(view: Forgetting, table: Mapping[str, Any], measure: Mapping[str, Any]) -> None:
    tasks, rows = [*table["tasks"], "average"], measure["rows"]
    better = "More is better." if measure["higher_is_better"] else "Less is better."
    st.caption(
        f"{measure['unit'].capitalize()}: a row after each chapter, a column for each task. {better} The same episodes "
        "are played after every chapter. Forgetting: right after the task's own chapter, less now."
    )
    share_chart(PLACE, link_of(PLACE, view), "forgetting", view.checkpoint, {})
    figure = charts.chapters(
        [[cell and cell["mean"] for cell in [*row["cells"], row["average"]]] for row in rows],
        [row["after"] for row in rows],
        tasks,
        name=measure["title"],
        more_is_better=measure["higher_is_better"],
    )
    st.plotly_chart(figure, key=f"{PLACE}.matrix", config=charts.CONFIG, alt=f"{measure['title']} after each chapter")
    lines = [_line(row["after"], tasks, [*row["cells"], row["average"]]) for row in rows]
    if len(table["tasks"]) > 1:
        lost = [*measure["forgotten"], None, measure["average_forgotten"]]
        lines.append(_line("forgotten since", tasks, lost))
    st.dataframe(lines, hide_index=True, key=f"{PLACE}.table", alt=f"{measure['title']} with 95% over episodes")
    st.caption(
        "Brackets: 95% over episodes, of this one training run; other seeds differ by more. Tasks whose returns are on "
        "other scales have no common average. A task that was never learned cannot be forgotten: see its row of random "
        "actions. Pictures and rewards are those of observed frames, not of imagined ones."
    )


def _line(after: str, tasks: list[str], cells: list[Mapping[str, Any] | None]) -> dict[str, str]:
    return {"chapter": after, **{task: _cell(cell) for task, cell in zip(tasks, cells, strict=True)}}


def _cell(cell: Mapping[str, Any] | None) -> str:
    if cell is None:
        return ""
    if cell["interval"] is None:
        return f"{cell['mean']:.4g}"
    low, high = cell["interval"]
    return f"{cell['mean']:.4g} ({low:.4g} to {high:.4g})"
