"""A new run: a form drawn from the schema of a stage."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from frontend.client import ApiProblem, client
from frontend.components.forms import draw_field
from frontend.components.listing import Listing, listing
from frontend.components.markdown import escape_markdown
from frontend.components.states import gone, live
from frontend.pages import PAGES
from frontend.places import edition, open_view, save_view
from frontend.schema import Field, Section, flatten, sections
from frontend.sections.launch import launch_side
from frontend.sections.run_form import PLACE, SHORT, STAGES, START, WRONG, Form, start_from, titles_of

MAIN = {
    "pipeline": ("collect.environment", "collect.distraction", "finetune.environment", "finetune.distraction"),
    "collect": ("environment", "distraction", "episodes", "episode_steps"),
    "pretrain": ("dataset", "updates"),
    "finetune": ("teacher", "teachers", "method", "environment", "distraction"),
    "offline": ("method", "demonstrations", "dataset", "updates"),
}
"""The settings of each stage that are drawn first, among them a data set or teacher, which must be chosen."""


def show() -> None:
    """The whole section."""
    view = open_view(PLACE, Form)
    if view.run:
        _start_from_run(view.run)
    elif view.dataset:
        start_from({"stage": view.stage, "preset": view.preset, "settings": {"dataset": view.dataset}})
    _form()


def _start_from_run(id: str) -> None:
    """Fill the form with a run's settings."""
    try:
        run = client().get(f"/runs/{id}")
    except ApiProblem as problem:
        if problem.status != 404:
            raise
        gone("run", id, "The form shows a preset instead.")
        return
    start_from({name: run[name] for name in ("stage", "preset", "seed", "settings")})


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
        launch_side(view, presets[view.preset], changes, parts)


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


def _of_stage(stages: Mapping[str, Any], stage: str) -> Mapping[str, Any]:
    """A preset's settings of a stage; the pipeline's are those of its stages, nested."""
    found: Mapping[str, Any] = stages.get(stage, stages)
    return found


def _fields(parts: list[Section], preset: Mapping[str, Any], view: Form) -> dict[str, Any]:
    """Every setting, grouped; the values by dotted name."""
    start = {**preset, **_started(view)}
    titles = titles_of(parts)
    wrong = {name: in_words(sentence, titles) for name, sentence in st.session_state.get(WRONG, {}).items()}
    references = _references(values_of(view, preset))
    values: dict[str, Any] = {}
    first = [field for section in parts for field in section.fields if field.name in MAIN.get(view.stage, ())]

    def draw(fields: Iterable[Field], *, prefixed: bool = False) -> None:
        grid = st.grid(2, gap=("xsmall", "medium"), vertical_alignment="top")
        for field in (field for field in fields if field.is_offered(values)):
            place = f"{field.name.removesuffix(field.key)}environment"
            environment = values.get(place, start.get(place)) if field.withheld else None
            offered, reasons = field.without(environment)
            with grid.cell():
                values[field.name] = draw_field(
                    offered,
                    start.get(field.name, field.default),
                    preset.get(field.name, field.default),
                    key=f"{key_of_field(view, field.name)}{environment or ''}",
                    references=references,
                    wrong=wrong.get(field.name),
                    prefix=f"{SHORT[field.name.partition('.')[0]]}: " if prefixed and "." in field.name else "",
                )
                if reasons:
                    st.caption(in_one_sentence(str(environment), reasons))

    draw(first, prefixed=True)
    for field in (field for section in parts for field in section.fields if field.about):
        if values.get(field.name) in field.about:
            st.caption(about_method(field.about[values[field.name]]))
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


def key_of_field(view: Form, name: str) -> str:
    """The key of a setting's widget."""
    return f"{PLACE}.{view.stage}.{view.preset}.{name}.{edition(PLACE)}"


def values_of(view: Form, preset: Mapping[str, Any]) -> Callable[[str], Any]:
    """The value that a setting has now, also where its widget is drawn further below."""
    start = {**preset, **_started(view)}
    return lambda name: st.session_state.get(key_of_field(view, name), start.get(name))


def _references(value: Callable[[str], Any]) -> dict[str, Listing]:
    """The lists of settings that name a data set or a checkpoint; of several teachers, those whose states fit."""
    datasets, checkpoints = listing("/datasets"), listing("/checkpoints")
    data = dict.fromkeys(("dataset", "films", "demonstrations"), datasets)
    size = [value("stoch"), value("deter")]
    fitting = {id: item for id, item in checkpoints.items.items() if item["state"] == size}
    models = dict.fromkeys(("teacher", "checkpoint"), checkpoints)
    return {**data, **models, "teachers": replace(checkpoints, items=fitting)}


def about_method(method: Mapping[str, Any]) -> str:
    """What a method is, what it needs, how it differs from its paper, and where to look afterwards."""
    needs = " and ".join(
        f"{need['kind']} as {need['setting'].strip('/')}{'' if need['required'] else ' (if wanted)'}"
        for need in method["needs"]
    )
    said = f"{method['title']}. {method['paper']}. {method['differs']}"
    return f"{escape_markdown(said)} Needs: {needs or 'nothing'}. Afterwards: {PAGES[method['view']].title}."


def in_one_sentence(environment: str, reasons: Mapping[str, str]) -> str:
    """Why an environment does not offer some choices: those with one reason together."""
    together: dict[str, list[str]] = {}
    for choice, why in reasons.items():
        together.setdefault(why, []).append(choice)
    said = "; ".join(f"{', '.join(choices)}: {why}" for why, choices in together.items())
    return escape_markdown(f"Not offered for {environment}. {said}.")


def in_words(sentence: str, titles: Mapping[str, str]) -> str:
    """A sentence about settings with their titles in place of names such as `collect.episode_steps`."""
    return re.sub(
        r"[a-z]+\.[a-z_]+", lambda found: f"“{titles[found[0]]}”" if found[0] in titles else found[0], sentence
    )
