"""Reads the JSON schema of a stage's settings into form fields, and compares settings by dotted names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from typing import Any, Literal

Kind = Literal["boolean", "integer", "number", "choice", "text", "json"]


@dataclass(frozen=True)
class Field:
    """One setting: its dotted name (`pretrain.beta`), its title, and its allowed values."""

    name: str
    kind: Kind
    title: str
    description: str
    group: str
    symbol: str
    default: Any
    choices: tuple[Any, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    optional: bool = False
    methods: tuple[str, ...] = ()  # that have this setting; none named: all
    environments: tuple[str, ...] = ()  # that it is for; none named: all
    about: Mapping[str, Mapping[str, Any]] = dataclass_field(default_factory=dict)  # each choice, where it is described
    withheld: Mapping[str, Mapping[str, str]] = dataclass_field(default_factory=dict)  # environment: choice: why not

    @property
    def key(self) -> str:
        """The last part of the name: `beta`."""
        return self.name.rpartition(".")[2]

    def without(self, environment: Any) -> tuple[Field, Mapping[str, str]]:
        """The field with the choices that apply to an environment, and why each of the others does not."""
        reasons = self.withheld.get(environment, {})
        return replace(self, choices=tuple(one for one in self.choices if one not in reasons)), reasons

    def is_offered(self, values: Mapping[str, Any]) -> bool:
        """Whether the method and the environment that these values choose, by dotted name, have this setting."""
        stage = self.name.removesuffix(self.key)
        chosen = (self.methods, values.get(f"{stage}method")), (self.environments, values.get(f"{stage}environment"))
        return all(not those or value in those for those, value in chosen)


@dataclass(frozen=True)
class Section:
    """A stage of the form: its own fields by group. A plain stage is one section without a title."""

    title: str
    groups: Mapping[str, Sequence[Field]]

    @property
    def fields(self) -> list[Field]:
        """The fields of all groups."""
        return [field for fields in self.groups.values() for field in fields]


def sections(schema: Mapping[str, Any]) -> list[Section]:
    """The form of a schema: one section for each nested stage, or one for all."""
    own: dict[str, list[Field]] = {}
    nested: list[Section] = []
    definitions = schema.get("$defs", {})
    for name, raw in schema.get("properties", {}).items():
        found = _resolve(raw, definitions)
        if "properties" in found:
            nested.append(Section(name, _groups(_fields(found, definitions, f"{name}."))))
        else:
            own.setdefault(found.get("x-group", "Settings"), []).append(_field(name, found))
    return ([Section("", own)] if own else []) + nested


def flatten(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted names: {"pretrain": {"beta": 1}} -> {"pretrain.beta": 1}."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """The reverse of `flatten`."""
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        *parents, last = name.split(".")
        place = nested
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return nested


def _fields(schema: Mapping[str, Any], definitions: Mapping[str, Any], prefix: str) -> Iterator[Field]:
    for name, raw in schema["properties"].items():
        found = _resolve(raw, definitions)
        if "properties" in found:
            yield from _fields(found, definitions, f"{prefix}{name}.")
        else:
            yield _field(f"{prefix}{name}", found)


def _groups(found: Iterator[Field]) -> dict[str, list[Field]]:
    groups: dict[str, list[Field]] = {}
    for field in found:
        groups.setdefault(field.group, []).append(field)
    return groups


def _resolve(raw: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """A property with its `$ref`, single `allOf` and `X or null` merged in; `optional`: null is allowed."""
    found = dict(raw)
    for part in [found.pop("$ref", None), *(item.get("$ref") for item in found.pop("allOf", []))]:
        if part:
            found = {**definitions[part.rpartition("/")[2]], **found}
    kinds = [item for item in found.get("anyOf", []) if item.get("type") != "null"]
    if len(kinds) == 1:
        optional = len(kinds) < len(found.pop("anyOf"))
        return {**_resolve(kinds[0], definitions), **found, "optional": optional}
    return found


def _field(name: str, found: Mapping[str, Any]) -> Field:
    choices = tuple(found.get("enum", ())) or ((found["const"],) if "const" in found else ())
    kind: Kind = "json"
    if choices:
        kind = "choice"
    elif found.get("type") in ("boolean", "integer", "number"):
        kind = found["type"]
    elif found.get("type") == "string":
        kind = "text"
    key = name.rpartition(".")[2]
    return Field(
        name=name,
        kind=kind,
        title=found.get("title") or key.replace("_", " ").capitalize(),
        description=found.get("description", ""),
        group=found.get("x-group", "Settings"),
        symbol=found.get("x-symbol") or "",
        default=found.get("default"),
        choices=choices,
        minimum=found.get("minimum", found.get("exclusiveMinimum")),
        maximum=found.get("maximum", found.get("exclusiveMaximum")),
        optional=bool(found.get("optional")),
        methods=tuple(found.get("x-methods", ())),
        environments=tuple(found.get("x-environments", ())),
        about=found.get("x-about", {}),
        withheld=found.get("x-withheld", {}),
    )
