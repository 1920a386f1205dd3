"""A new run: a form drawn from the schema of a stage, and everything that launches the same run elsewhere."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from frontend import commands
from frontend.client import ApiProblem, client
from frontend.components.forms import draw_field
from frontend.components.markdown import escape_markdown
from frontend.components.share import show_curl
from frontend.components.states import gone, live, show_problem
from frontend.pages import SECTION, path
from frontend.places import edition, open_view, save_view, start_anew
from frontend.schema import Field, Section, flatten, nest, sections
from frontend.state import View

PLACE = "train/new"
STAGES = {
    "pipeline": "Everything: collect, pretrain, fine-tune",
    "collect": "Collect videos",
    "pretrain": "Pretrain the video model",
    "finetune": "Distil and fine-tune the world model",
}
SHORT = {"collect": "Collect", "pretrain": "Pretrain", "finetune": "Fine-tune"}
MAIN = {
    "pipeline": ("collect.environment", "collect.distraction", "finetune.environment", "finetune.distraction"),
    "collect": ("environment", "distraction", "episodes", "episode_steps"),
    "pretrain": ("dataset", "updates"),
    "finetune": ("teacher", "method", "environment", "distraction"),
}
"""The settings of each stage that are drawn first; a data set or a teacher has to be chosen."""
STYLE = """<style>
[class*="st-key-wrong"] { border-left: 3px solid var(--st-red-color, #c8372d); padding-left: 8px; }
@media (min-width: 641px) { .st-key-train-new-side { position: sticky; top: 4.5rem; } }
@media (max-width: 640px) {
  .st-key-train-new-launchbar { position: fixed; left: 0; right: 0; bottom: 0; z-index: 90; padding: 8px 16px;
    background: var(--background-color, Canvas); box-shadow: 0 -1px 6px rgb(0 0 0 / 0.25); }
}
</style>"""
LONG_MINUTES = 240  # a run that is estimated to take longer is asked about before it is launched
START = f"{PLACE}.start"
WRONG = f"{PLACE}.wrong"


@dataclass(frozen=True)
class Form(View):
    """Which form is open; it may start from the settings of a `run`, or from a `dataset`."""

    stage: str = "pipeline"
    preset: str = "tiny"
    run: str = ""
    dataset: str = ""


def show() -> None:
    """The whole section."""
    view = open_view(PLACE, Form)
    if view.run:
        _start_from_run(view.run)
    elif view.dataset:
        _start_from({"stage": view.stage, "preset": view.preset, "settings": {"dataset": view.dataset}})
    _form()


def _start_from_run(id: str) -> None:
    """Fill the form with what a run was started with."""
    try:
        run = client().get(f"/runs/{id}")
    except ApiProblem as problem:
        if problem.status != 404:
            raise
        gone("run", id, "The form shows a preset instead.")
        return
    _start_from({name: run[name] for name in ("stage", "preset", "seed", "settings")})


def _start_from(form: Mapping[str, Any]) -> None:
    """Fill the form: what a saved form or another run holds."""
    st.session_state[START] = {"name": "", "seed": 0, **form, "settings": flatten(form.get("settings", {}))}
    st.session_state[WRONG] = {}
    stage, preset = str(form.get("stage", "pipeline")), str(form.get("preset") or "tiny")
    start_anew(PLACE, Form(stage=stage if stage in STAGES else "pipeline", preset=preset))


@live()
def _form() -> None:
    view = open_view(PLACE, Form)
    presets = {item["name"]: item for item in client().items("/presets")}
    main, side = st.columns([5, 3], gap="large")
    with main:
        view = _head(view, presets)
        save_view(PLACE, view)
        schema = client().get(f"/schemas/{view.stage}")
        preset = flatten(_of_stage(presets[view.preset]["stages"], view.stage))
        parts = sections(schema)
        values = _fields(parts, preset, view)
    standard = {field.name: field.default for section in parts for field in section.fields} | preset
    changes = {name: value for name, value in values.items() if value != standard[name]}
    with side:
        _side(view, presets[view.preset], changes, parts)


def _head(view: Form, presets: Mapping[str, Mapping[str, Any]]) -> Form:
    key = f"{PLACE}.{{}}.{edition(PLACE)}".format
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
    titles = _titles(parts)
    wrong = {name: in_words(sentence, titles) for name, sentence in st.session_state.get(WRONG, {}).items()}
    references = _references()
    values: dict[str, Any] = {}
    first = [field for section in parts for field in section.fields if field.name in MAIN.get(view.stage, ())]

    def draw(fields: Iterable[Field], *, prefixed: bool = False) -> None:
        grid = st.grid(2, gap=("xsmall", "medium"), vertical_alignment="top")
        for field in fields:
            with grid.cell():
                values[field.name] = draw_field(
                    field,
                    start.get(field.name, field.default),
                    preset.get(field.name, field.default),
                    key=f"{PLACE}.{view.stage}.{view.preset}.{field.name}.{edition(PLACE)}",
                    references=references,
                    wrong=wrong.get(field.name),
                    prefix=f"{SHORT[field.name.partition('.')[0]]}: " if prefixed and "." in field.name else "",
                )

    draw(first, prefixed=True)
    st.caption("All other settings come from the preset; open a group to change them.")
    for section in parts:
        for group, fields in section.groups.items():
            rest = [field for field in fields if field not in first and field.is_offered(values)]
            here = [field.name for field in rest if field.name in wrong]
            changed = [
                field for field in rest if start.get(field.name, field.default) != preset.get(field.name, field.default)
            ]
            title = f"{SHORT[section.title]}: {group}" if section.title else group
            if rest:
                with st.expander(f":red[{title}]" if here else title, expanded=bool(here or changed)):
                    draw(rest)
    unknown = {name: sentence for name, sentence in wrong.items() if name not in values and name}
    for name, sentence in unknown.items():
        st.markdown(f":red[:material/error: {escape_markdown(name)}: {escape_markdown(sentence)}]")
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


def _side(view: Form, preset: Mapping[str, Any], changes: Mapping[str, Any], parts: list[Section]) -> None:
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
    _elsewhere(view, body, changes)
    st.html(STYLE)


def _launch_button(body: Mapping[str, Any], minutes: float) -> None:
    """Launches; a run that takes very long is asked about first. On a phone it stays at the bottom of the screen."""
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
            if st.button("Launch all the same", type="primary", width="stretch", key=f"{PLACE}.launch"):
                _launch(body)


def _estimates(view: Form, preset: Mapping[str, Any], changes: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Time and memory of each stage, of these settings; of the preset's where these cannot be run."""
    try:
        body = {"stage": view.stage, "preset": view.preset, "settings": nest(changes)}
        return list(client().post("/estimates", body)["estimate"].values())
    except ApiProblem:
        return [preset["estimate"][name] for name in _stages(view.stage, preset["estimate"])]


def _say_wrong(problem: ApiProblem, parts: list[Section]) -> None:
    """Which fields of the form need another value, by their titles; anything else in the API's own words."""
    titles = _titles(parts)
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
    """Send the run; the same form sent twice is one run. Errors go to their fields."""
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


def _titles(parts: list[Section]) -> dict[str, str]:
    """What each setting is called: `Pretrain: Sequence length`."""
    return {
        field.name: f"{SHORT[section.title]}: {field.title}" if section.title else field.title
        for section in parts
        for field in section.fields
    }


def in_words(sentence: str, titles: Mapping[str, str]) -> str:
    """A sentence about settings with their titles in place of names such as `collect.episode_steps`."""
    return re.sub(
        r"[a-z]+\.[a-z_]+", lambda found: f"“{titles[found[0]]}”" if found[0] in titles else found[0], sentence
    )


def _elsewhere(view: Form, body: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    """The same run from the shell and over HTTP; the form as a file."""
    st.caption("The same from the shell")
    st.code(commands.stage(view.stage, view.preset, int(body["seed"]), changes), language=None, wrap_lines=True)
    with st.expander("curl"):
        text = json.dumps({name: value for name, value in body.items() if value is not None})
        show_curl(commands.curl_post(client().url, "/runs", text))
    with st.expander("Save, load or reset this form"):
        st.download_button(
            "Save as JSON",
            json.dumps(body, indent=2),
            f"diswm_{view.stage}_{view.preset}.json",
            "application/json",
            icon=":material/save:",
            on_click="ignore",
        )
        saved = st.file_uploader("Load a saved form", type="json", key=f"{PLACE}.load.{edition(PLACE)}")
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
