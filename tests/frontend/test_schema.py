"""Forms from JSON schemas, as pydantic writes them."""

import json
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from frontend.schema import flatten, nest, sections


class Inner(BaseModel):
    beta: Annotated[float, Field(ge=0, le=10)] = Field(
        0.015, title="Weight", description="Of the KL.", json_schema_extra={"x-group": "Loss", "x-symbol": "β"}
    )
    dataset: str | None = None
    look: Literal["fast", "paper"] = "fast"
    sizes: list[int] = [1, 2]


class Outer(BaseModel):
    steps: int = 5
    inner: Inner = Inner()


def test_fields_are_grouped_named_and_bounded() -> None:
    (section,) = sections(Inner.model_json_schema())
    assert section.title == ""
    (beta,) = section.groups["Loss"]
    assert (beta.name, beta.kind, beta.title, beta.symbol) == ("beta", "number", "Weight", "β")
    assert (beta.default, beta.minimum, beta.maximum, beta.optional) == (0.015, 0, 10, False)


def test_every_kind_of_field_has_its_widget() -> None:
    (section,) = sections(Inner.model_json_schema())
    kinds = {field.name: (field.kind, field.optional) for group in section.groups.values() for field in group}
    assert kinds["dataset"] == ("text", True)
    assert kinds["look"] == ("choice", False)
    assert kinds["sizes"] == ("json", False)


def test_a_nested_stage_is_a_section_of_its_own() -> None:
    own, nested = sections(Outer.model_json_schema())
    assert [field.name for field in own.groups["Settings"]] == ["steps"]
    assert nested.title == "inner"
    assert nested.groups["Loss"][0].name == "inner.beta"


def test_settings_are_flattened_and_nested_again() -> None:
    settings = {"a": 1, "pretrain": {"beta": 0.1, "deep": {"x": None}}}
    flat = flatten(settings)
    assert flat == {"a": 1, "pretrain.beta": 0.1, "pretrain.deep.x": None}
    assert nest(flat) == settings
    assert json.dumps(nest({})) == "{}"
