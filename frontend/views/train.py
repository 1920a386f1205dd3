"""Train: a form drawn from the schema of a stage, and everything that launches the same run elsewhere."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from frontend import commands
from frontend.client import ApiProblem, client
from frontend.components.forms import draw_field
from frontend.components.states import live, show_problem
from frontend.pages import path
from frontend.schema import Section, flatten, nest, sections
from frontend.state import View, edition, keep_view, open_view

PAGE = "train"
STAGES = {
    "pipeline": "Everything: collect, pretrain, fine-tune",
    "collect": "Collect videos",
    "pretrain": "Pretrain the video model",
    "finetune": "Distil and fine-tune the world model",
}
START = f"{PAGE}.start"
WRONG = f"{PAGE}.wrong"


@dataclass(frozen=True)
class Form(View):
    """Which form is open; it may start from the settings of a `run`, or from a `dataset`."""

    stage: str = "pipeline"
    preset: str = "tiny"
    run: str = ""
    dataset: str = ""


def show() -> None:
    """The whole page."""
    st.title("Train", anchor=False)
    view = open_view(PAGE, Form)
    if view.run:
        run = client().get(f"/runs/{view.run}")
        _start_from({name: run[name] for name in ("stage", "preset", "seed", "settings")})
    elif view.dataset:
        _start_from({"stage": view.stage, "preset": view.preset, "settings": {"dataset": view.dataset}})
    _form()


def _start_from(form: Mapping[str, Any]) -> None:
    """Fill the form: what a saved form or another run holds."""
    st.session_state[START] = {"name": "", "seed": 0, **form, "settings": flatten(form.get("settings", {}))}
    st.session_state[WRONG] = {}
    st.session_state[f"{PAGE}.edition"] = edition(PAGE) + 1
    stage, preset = str(form.get("stage", "pipeline")), str(form.get("preset") or "tiny")
    keep_view(PAGE, Form(stage=stage if stage in STAGES else "pipeline", preset=preset))


@live()
def _form() -> None:
    view = open_view(PAGE, Form)
    presets = {item["name"]: item for item in client().items("/presets")}
    main, side = st.columns([5, 3], gap="large")
    with main:
        view = _head(view, presets)
        keep_view(PAGE, view)
        schema = client().get(f"/schemas/{view.stage}")
        preset = flatten(_of_stage(presets[view.preset]["stages"], view.stage))
        values = _fields(sections(schema), preset, view)
    changes = {name: value for name, value in values.items() if name not in preset or value != preset[name]}
    with side:
        _side(view, presets[view.preset], changes)


def _head(view: Form, presets: Mapping[str, Mapping[str, Any]]) -> Form:
    key = f"{PAGE}.{{}}.{edition(PAGE)}".format
    stage = st.selectbox(
        "What to run", list(STAGES), list(STAGES).index(view.stage), format_func=STAGES.__getitem__, key=key("stage")
    )
    start = view.preset if view.preset in presets else next(iter(presets))
    preset = st.segmented_control(
        "Preset",
        list(presets),
        default=start,
        required=True,
        key=key("preset"),
        format_func=lambda name: presets[name]["title"],
    )
    preset = preset or start
    st.caption(presets[preset]["description"])
    return replace(view, stage=stage, preset=preset, run="", dataset="")


def _stages(stage: str, known: Mapping[str, Any]) -> list[str]:
    """The stages that a stage is made of: itself, or for the pipeline all of them."""
    return [stage] if stage in known else list(known)


def _of_stage(stages: Mapping[str, Any], stage: str) -> Mapping[str, Any]:
    """A preset's settings of a stage; the pipeline's are those of its stages, nested."""
    found: Mapping[str, Any] = stages.get(stage, stages)
    return found


def _fields(parts: list[Section], preset: Mapping[str, Any], view: Form) -> dict[str, Any]:
    """Every setting, grouped; the values by dotted name."""
    start = {**preset, **_started(view)}
    wrong: Mapping[str, str] = st.session_state.get(WRONG, {})
    references = _references()
    values: dict[str, Any] = {}
    for section in parts:
        hold = st.expander(STAGES.get(section.title, section.title), expanded=True) if section.title else st.container()
        with hold:
            for group, fields in section.groups.items():
                st.markdown(f"**{group}**")
                grid = st.grid(2, gap=("xsmall", "medium"), vertical_alignment="bottom")
                for field in fields:
                    with grid.cell():
                        values[field.name] = draw_field(
                            field,
                            start.get(field.name, field.default),
                            preset.get(field.name, field.default),
                            key=f"{PAGE}.{view.stage}.{view.preset}.{field.name}.{edition(PAGE)}",
                            references=references,
                            wrong=wrong.get(field.name),
                        )
    unknown = {name: sentence for name, sentence in wrong.items() if name not in values and name}
    for name, sentence in unknown.items():
        st.markdown(f":red[:material/error: `{name}`: {sentence}]")
    return values


def _started(view: Form) -> dict[str, Any]:
    """The settings that the form was filled with, if they are of this stage."""
    start = st.session_state.get(START, {})
    return dict(start["settings"]) if start.get("stage") == view.stage else {}


def _references() -> dict[str, list[str]]:
    """Known ids for settings that name a data set or a checkpoint."""
    datasets = [item["id"] for item in client().items("/datasets")]
    checkpoints = [item["id"] for item in client().items("/checkpoints")]
    return {"dataset": datasets, "teacher": checkpoints, "checkpoint": checkpoints, "films": datasets}


def _side(view: Form, preset: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    start = st.session_state.get(START, {})
    with st.container(border=True):
        parts = [preset["estimate"][name] for name in _stages(view.stage, preset["estimate"])]
        left, right = st.columns(2)
        left.metric(
            "Time, about",
            _minutes(sum(part["minutes"] for part in parts)),
            help="Of the preset, on two CPU cores; a GPU is many times faster.",
        )
        right.metric("Memory, about", f"{max(part['memory_gb'] for part in parts):g} GB")
        name = st.text_input(
            "Name", start.get("name", ""), placeholder="a name to find it by", key=f"{PAGE}.name.{edition(PAGE)}"
        )
        seed = int(st.number_input("Seed", 0, 2**31, int(start.get("seed", 0)), key=f"{PAGE}.seed.{edition(PAGE)}"))
        body = {
            "stage": view.stage,
            "preset": view.preset,
            "settings": nest(changes),
            "name": name or None,
            "seed": seed,
        }
        if st.button("Launch", type="primary", icon=":material/rocket_launch:", width="stretch", key=f"{PAGE}.launch"):
            _launch(body)
        problem = st.session_state.get(f"{PAGE}.problem")
        if problem:
            show_problem(problem)
        st.caption("Runs wait in a queue: launch as many as you like.")
    _elsewhere(view, body, changes)


def _launch(body: Mapping[str, Any]) -> None:
    """Send the run; the same form sent twice is one run. Errors go to their fields."""
    text = json.dumps(body, sort_keys=True)
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    sent, key = st.session_state.get(f"{PAGE}.key", ("", ""))
    if sent != digest:
        key = uuid.uuid4().hex
        st.session_state[f"{PAGE}.key"] = (digest, key)
    try:
        run = client().post("/runs", {name: value for name, value in body.items() if value is not None}, key=key)
    except ApiProblem as problem:
        st.session_state[WRONG] = {field.field: field.sentence for field in problem.fields}
        st.session_state[f"{PAGE}.problem"] = problem
        st.rerun()
    for name in (WRONG, f"{PAGE}.problem", f"{PAGE}.key"):
        st.session_state.pop(name, None)
    st.switch_page(path("runs"), query_params={"id": run["id"]})


def _elsewhere(view: Form, body: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    """The same run from the shell and over HTTP; the form as a file."""
    st.caption("The same from the shell")
    st.code(commands.stage(view.stage, view.preset, int(body["seed"]), changes), language="bash", wrap_lines=True)
    with st.expander("curl"):
        text = json.dumps({name: value for name, value in body.items() if value is not None})
        st.code(commands.curl_post(client().url, "/runs", text), language="bash", wrap_lines=True)
    with st.expander("Save, load or reset this form"):
        st.download_button(
            "Save as JSON",
            json.dumps(body, indent=2),
            f"diswm_{view.stage}_{view.preset}.json",
            "application/json",
            icon=":material/save:",
            on_click="ignore",
        )
        saved = st.file_uploader("Load a saved form", type="json", key=f"{PAGE}.load.{edition(PAGE)}")
        if saved is not None:
            _load(saved.getvalue())
        if st.button("Back to the preset", icon=":material/undo:"):
            _start_from({"stage": view.stage, "preset": view.preset})
            st.rerun()


def _load(content: bytes) -> None:
    try:
        form = json.loads(content)
    except ValueError:
        st.error("This file is not JSON. Choose one that “Save as JSON” wrote.")
        return
    if not isinstance(form, dict) or form.get("stage") not in STAGES or not isinstance(form.get("settings", {}), dict):
        st.error(f"This JSON is not a saved form: it needs a `stage` ({', '.join(STAGES)}) and `settings`.")
        return
    _start_from(form)
    st.rerun()


def _minutes(minutes: float) -> str:
    if minutes < 1:
        return "under 1 min"
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.0f} h"


if __name__ == "__main__":
    show()
