"""Builds settings from a preset and overrides; all problems are reported at once, each with its place."""

import difflib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from backend.pipeline.methods.flat import SECTION, fitting, methods_of_settings
from backend.pipeline.presets import PRESET_VALUES
from backend.pipeline.settings import STAGES, LearningSettings, PipelineSettings, Problem, SettingsError, StageSettings

PRESETS = tuple(PRESET_VALUES)


def build_settings(stage: str, preset: str | None, overrides: Mapping[str, Any] | None = None) -> StageSettings:
    """Settings of a stage from nested overrides, over a preset or, without one, over the fields' own defaults.

    Raises SettingsError listing every problem.
    """
    if stage not in STAGES:
        raise SettingsError([_unknown("/stage", stage, list(STAGES), "stage")])
    if preset is None:
        return _validated(STAGES[stage], dict(overrides or {}))
    if preset not in PRESETS:
        raise SettingsError([_unknown("/preset", preset, list(PRESETS), "preset")])
    values = PRESET_VALUES[preset]
    base: Mapping[str, Any] = _of_pipeline(values) if stage == "pipeline" else values[stage]
    return _validated(STAGES[stage], merged(_fitting(stage, base, overrides or {}), overrides or {}))


def parse_assignments(assignments: Sequence[str]) -> dict[str, Any]:
    """`["beta=0.1", "collect.episodes=5"]` -> nested overrides; values are JSON where they read as JSON."""
    overrides: dict[str, Any] = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not key:
            raise SettingsError([Problem(f"/{key}", f"{assignment!r} is not of the form key=value")])
        place = overrides
        *sections, last = key.split(".")
        for section in sections:
            place = place.setdefault(section, {})
            if not isinstance(place, dict):
                raise SettingsError([Problem(f"/{key}", f"{section!r} is given a value of its own already")])
        place[last] = _parsed(text)
    return overrides


def settings_schema(stage: str) -> dict[str, Any]:
    """JSON schema of a stage's settings, with groups (`x-group`) and the paper's symbols (`x-symbol`)."""
    if stage not in STAGES:
        raise SettingsError([_unknown("/stage", stage, list(STAGES), "stage")])
    return STAGES[stage].model_json_schema()


def merged(base: Mapping[str, Any], edits: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with every key of `edits`, section by section."""
    result = dict(base)
    for key, value in edits.items():
        inner = result.get(key)
        result[key] = merged(inner, value) if isinstance(inner, Mapping) and isinstance(value, Mapping) else value
    return result


def _fitting(stage: str, base: Mapping[str, Any], overrides: Mapping[str, Any]) -> Mapping[str, Any]:
    """A preset without the settings that the requested method or environment does not have."""
    if stage == "finetune":
        environment, fields = overrides.get("environment", base.get("environment")), STAGES[stage].model_fields
        for_others = {
            name
            for name, field in fields.items()
            if isinstance(field.json_schema_extra, dict)
            and environment not in field.json_schema_extra.get("x-environments", [environment])  # type: ignore[operator]
        }
        values = {name: value for name, value in base.items() if name not in for_others}
        return fitting(values, stage, overrides.get("method"))
    if stage == "offline":
        return fitting(base, stage, overrides.get("method"))
    if stage == "pipeline":
        inner = overrides.get("finetune")
        return {
            **base,
            "finetune": _fitting("finetune", base["finetune"], inner if isinstance(inner, dict) else {}),
        }
    return base


def _of_pipeline(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in values.items() if name in PipelineSettings.model_fields}


def _validated(model: type[StageSettings], values: dict[str, Any]) -> StageSettings:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise SettingsError([_problem(model, detail) for detail in error.errors(include_url=False)]) from None


def _problem(model: type[BaseModel], detail: Any) -> Problem:
    location = [str(part) for part in detail["loc"] if part != SECTION]
    pointer = "/" + "/".join(part.replace("~", "~0").replace("/", "~1") for part in location)
    if detail["type"] == "extra_forbidden":
        return _unknown_setting(model, pointer, location)
    context = detail.get("ctx", {})
    if detail["type"] == "conflict":  # its pointer starts at the settings with the conflict
        return Problem(pointer.removesuffix("/") + context["pointer"], detail["msg"])
    if detail["type"] == "unknown":
        return Problem(pointer, detail["msg"], context.get("suggestion"))
    return Problem(pointer, f"{_wanted(detail['type'], context) or detail['msg']}; it is {_shown(detail['input'])}")


def _unknown_setting(model: type[BaseModel], pointer: str, location: Sequence[str]) -> Problem:
    for part in location[:-1]:
        inner = model.model_fields[part].annotation
        assert isinstance(inner, type)
        model = inner
    known = [name for name in model.model_fields if name != SECTION]
    owners = methods_of_settings() if issubclass(model, LearningSettings) else {}
    if location[-1] in owners:
        *others, last = owners[location[-1]]
        methods = f"{', '.join(others)} and {last}" if others else last
        return Problem(pointer, f"{location[-1]} is a setting of {methods} only: leave it out, or choose such a method")
    return _unknown(pointer, location[-1], [*known, *owners], "setting")


def _unknown(pointer: str, value: str, known: list[str], kind: str) -> Problem:
    near = difflib.get_close_matches(value, known, 1, 0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"there is {', '.join(known)}"
    return Problem(pointer, f"there is no {kind} {value!r}; {hint}", near[0] if near else None)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _wanted(kind: str, context: Mapping[str, Any]) -> str:
    """What a value must be, in the words of a form; empty for a kind that is seldom met."""
    bound = next((_number(context[name]) for name in ("gt", "ge", "lt", "le") if name in context), "")
    return {
        "greater_than": f"must be more than {bound}",
        "greater_than_equal": f"must be at least {bound}",
        "less_than": f"must be less than {bound}",
        "less_than_equal": f"must be at most {bound}",
        "literal_error": f"must be {context.get('expected')}",
        "int_type": "must be a whole number",
        "float_type": "must be a number",
        "finite_number": "must be a finite number",
        "bool_type": "must be true or false",
        "string_type": "must be text",
    }.get(kind, "")


def _number(value: float) -> str:
    return f"{value:g}" if isinstance(value, float) else f"{value:,}"


def _shown(value: Any) -> str:
    if value is None:
        return "empty"
    text = _number(value) if isinstance(value, float) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
