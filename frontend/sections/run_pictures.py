"""What runs draw at each of their checkpoints: reconstruction, traversal and rollout, under one slider for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import streamlit as st

from frontend.client import ApiProblem, api_url, client
from frontend.components.markdown import escape_markdown
from frontend.components.pictures import atlas_card, still, top_rows
from frontend.components.states import live
from frontend.pages import link

AT = "train/runs.at"  # the step of training that is shown; none: the newest
ROWS, COLUMNS = 4, 7  # of a traversal
CONTEXT, HORIZON = 3, 9  # of a rollout
STORED = 300  # answers about checkpoints that are kept for all sessions

Step = tuple[bool, int]  # whether it is from fine-tuning, and its count: the order of training


class Subject(NamedTuple):
    """A run whose pictures are shown: its id, what it is called, and its newest checkpoint."""

    id: str
    name: str
    checkpoint: str


class Version(NamedTuple):
    """The key of a checkpoint's pictures: the id is not enough, as the newest of a run keeps its id."""

    url: str
    checkpoint: str
    steps: int
    created_at: str


@live()
def run_pictures(subjects: Sequence[Subject]) -> None:
    """The pictures of some runs at one step of their training."""
    histories = {subject: _history(subject.checkpoint) for subject in subjects}
    steps = sorted({_step(item) for items in histories.values() for item in items})
    if not steps:
        st.caption("Pictures of what the model draws appear here with the first checkpoint.")
        return
    at = _choose(steps)
    columns = st.columns(max(2, min(len(subjects), 3)), gap="large")
    for number, (subject, items) in enumerate(histories.items()):
        with columns[number % len(columns)]:
            _draw(subject, [item for item in items if _step(item) <= at])


def _choose(steps: Sequence[Step]) -> Step:
    """The slider over every checkpoint of these runs; it stays at the newest until it is moved."""
    stored = st.session_state.get(AT)
    start = steps.index(stored) if stored in steps else len(steps) - 1
    if len(steps) == 1:
        return steps[0]
    number: int = st.select_slider(
        "What the model draws, at each checkpoint of these runs",
        list(range(len(steps))),
        start,
        key=f"{AT}.{hash(tuple(steps))}",
        format_func=lambda place: _words(steps[place]),
        width=680,
    )
    st.session_state[AT] = None if number == len(steps) - 1 else steps[number]
    return steps[number]


def _draw(subject: Subject, before: Sequence[Mapping[str, Any]]) -> None:
    """The pictures of a run's last checkpoint at or before the step."""
    st.markdown(f"**{escape_markdown(subject.name)}**")
    if not before:
        st.caption("No checkpoint yet at this step of training.")
        return
    item = before[-1]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(_words(_step(item)), width="content")
        link("traversals", "Open it", {"checkpoint": item["id"]})
    version = Version(api_url(), item["id"], item["steps"], item["created_at"])
    try:
        _stills(item, _atlas(version))
        _film(item, _rollout(version))
    except ApiProblem as problem:  # a model without pictures or latents, or one that was just deleted
        st.caption(f":material/info: {escape_markdown(problem.detail)}")


def _stills(item: Mapping[str, Any], atlas: Mapping[str, Any]) -> None:
    name = item["name"]
    with st.container(horizontal=True, gap="small"):
        for words, uri in (("A frame", atlas["original"]), ("as it draws it", atlas["reconstruction"])):
            with st.container(width=112, gap="xxsmall"):
                still(uri, f"{words}: {name}", 112)
                st.caption(words)
        with st.container(width="stretch", gap="xxsmall"):
            atlas_card(atlas, rows=ROWS, alt=f"Traversal of the strongest dimensions of {name}, one per row")
            st.caption("Strongest dimensions, one per row")


def _film(item: Mapping[str, Any], rollout: Mapping[str, Any]) -> None:
    alt = f"Rollout of {item['name']}: truth above, model below"
    top_rows(rollout["frames"], columns=len(rollout["steps"]), rows=2, alt=alt)
    st.caption(f"Truth above, model below: {CONTEXT} frames observed, then {HORIZON} imagined")


def _history(checkpoint: str) -> list[dict[str, Any]]:
    """The checkpoints of a run, in the order of training; none while they are being replaced."""
    try:
        return list(client().get(f"/checkpoints/{checkpoint}/history")["items"])
    except ApiProblem:
        return []


@st.cache_data(max_entries=STORED, show_spinner=False)
def _atlas(of: Version) -> Any:
    return client().get(f"/checkpoints/{of.checkpoint}/atlas", {"columns": COLUMNS})


@st.cache_data(max_entries=STORED, show_spinner=False)
def _rollout(of: Version) -> Any:
    return client().get(f"/checkpoints/{of.checkpoint}/rollout", {"context": CONTEXT, "horizon": HORIZON})


def _step(item: Mapping[str, Any]) -> Step:
    return item["stage"] == "finetune", int(item["steps"])


def _words(step: Step) -> str:
    """`video model, 640 updates`."""
    online, count = step
    return f"world model, {count:,} agent steps" if online else f"video model, {count:,} updates"
