"""A method's own settings are mixed with those of all methods in JSON, files and forms; in code they are a section."""

from collections.abc import Mapping
from typing import Any

from backend.pipeline.methods.catalogue import CATALOGUE
from backend.pipeline.methods.sections.apv import BonusSection
from backend.pipeline.methods.sections.diswm import DistillationSection

SECTION = "section"  # the field of FinetuneSettings
_WRITTEN_WITHOUT_SECTIONS = DistillationSection.model_fields.keys() | BonusSection.model_fields.keys()


def methods_of_stage(stage: str) -> list[str]:
    """Names of the methods that a stage offers, its default first."""
    return [name for name, entry in CATALOGUE.items() if entry.stage == stage]


def gathered(values: Mapping[str, Any], stage: str) -> dict[str, Any]:
    """Flat settings with those of the chosen method's section moved into it; others stay, and are refused later.

    Settings written before methods had sections hold those of all methods; only the chosen one's are used.
    """
    own = _fields_of(values.get("method", methods_of_stage(stage)[0]))
    if values.keys() >= _WRITTEN_WITHOUT_SECTIONS:
        values = {name: value for name, value in values.items() if name in own or name not in _WRITTEN_WITHOUT_SECTIONS}
    section = {name: value for name, value in values.items() if name in own}
    common = {name: value for name, value in values.items() if name not in own}
    return {**common, SECTION: section}


def fitting(values: Mapping[str, Any], stage: str, method: object = None) -> dict[str, Any]:
    """Settings, such as a preset's, without those of sections that the method (default: their own) does not have."""
    method = values.get("method", methods_of_stage(stage)[0]) if method is None else method
    foreign = methods_of_settings().keys() - _fields_of(method)
    return {name: value for name, value in values.items() if name not in foreign}


def methods_of_settings() -> dict[str, list[str]]:
    """The methods that have each method-specific setting, by the setting's name."""
    methods: dict[str, list[str]] = {}
    for name, entry in CATALOGUE.items():
        for setting in entry.section.model_fields:
            methods.setdefault(setting, []).append(name)
    return methods


def with_sections(schema: dict[str, Any], stage: str) -> dict[str, Any]:
    """The schema with own settings of the stage's methods in place of `section`; `x-methods` lists those of each.

    `x-about` of `method` describes every method as `GET /methods` does.
    """
    methods, properties = methods_of_settings(), {}
    offered = methods_of_stage(stage)
    for name, value in schema["properties"].items():
        if name != SECTION:
            properties[name] = value
            continue
        for entry in map(CATALOGUE.__getitem__, offered):
            for setting, described in entry.section.model_json_schema().get("properties", {}).items():
                properties[setting] = {**described, "x-methods": methods[setting]}
    about = {name: CATALOGUE[name].described(name) for name in offered}
    properties["method"] = {**properties["method"], "enum": offered, "x-about": about}
    return {**schema, "properties": properties}


def _fields_of(method: object) -> set[str]:
    """Names of the settings in a method's section; for an unknown method, which is refused elsewhere, those of all."""
    entry = CATALOGUE.get(method) if isinstance(method, str) else None
    return set(entry.section.model_fields) if entry else set(methods_of_settings())
