"""Every kind of view has the same fields in a URL, a JSON body, a file's metadata, the shell and the page."""

import json
import shlex
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from backend.__main__ import build_app
from backend.cli.store import CommandStore
from backend.export.command import command_line
from backend.export.options import ExportOptions
from backend.interpret.calibration_request import CalibrationRequest
from backend.interpret.contexts_request import ContextsRequest
from backend.interpret.counterfactual_request import CounterfactualRequest
from backend.interpret.fields import Edit
from backend.interpret.flow_request import FlowRequest
from backend.interpret.imitation_request import ImitationRequest
from backend.interpret.request import ViewError, ViewRequest
from backend.interpret.rollout_request import RolloutRequest, TogetherRequest
from backend.interpret.table_request import CompareRequest, SensitivityRequest, TransferRequest
from backend.interpret.teachers_request import TeachersRequest
from backend.interpret.temporal_request import TemporalRequest
from backend.interpret.traversal_request import Mode, TraversalRequest
from backend.views.catalogue import KINDS, Kind
from backend.views.kinds import Builder, builder_of
from backend.views.params import of_body, of_query, query_model, view_schema
from frontend import commands
from frontend.client import Client, as_text
from frontend.components.reopen import view_of
from frontend.state import write
from models.traversal import RANGE_MODES

FULL: dict[str, ViewRequest] = {
    "traversal": TraversalRequest(
        *(1, 3, "fixed", 9, "dataset", "d1", (3, 1), 2.5, False, {3: 1.25, 7: -0.123456789}),
    ),
    "rollout": RolloutRequest(
        1, 4, 2, "given", ((0.5, -1.0), (0.0, 0.25)), 3, 7, (Edit(3, 1.5, 4), Edit(0, -2.0, 5, True))
    ),
    "temporal": TemporalRequest(2, 4, 12, "zero", (3, 0), -1.5, 6, True, {5: 0.75}),
    "together": TogetherRequest(1, 4, 9, "policy", ("run-a", "run-b")),
    "counterfactual": CounterfactualRequest("light", 0.6, 3, 5, 1, 4, 9, 6, "zero"),
    "imitation": ImitationRequest(2, 4, 9),
    "contexts": ContextsRequest(2, 4),
    "calibration": CalibrationRequest(2, 4, 9, ("run-a", "run-b")),
    "teachers": TeachersRequest(2),
    "flow": FlowRequest(2),
    "sensitivity": SensitivityRequest("d1"),
    "carried": TransferRequest("run-a"),
    "compare": CompareRequest("run-a"),
}
"""A request of each kind in which every field differs from its default."""
EVERY = [FULL.get(name) or kind.request() for name, kind in KINDS.items()]
COMMANDED = [request for request in EVERY if KINDS[request.kind].commanded]
STYLE = ExportOptions(3.25, 20.0, 3, False, False, False, False, False, "444")


def kind_of(request: ViewRequest) -> Kind:
    return KINDS[request.kind]


def test_every_kind_is_declared_and_can_be_made() -> None:
    assert all(isinstance(builder_of(kind), Builder) for kind in KINDS.values())
    for name, request in FULL.items():
        assert len(request.to_text()) == len(KINDS[name].request.names), "every field differs from its default"
    assert Mode.__args__ == RANGE_MODES  # type: ignore[attr-defined]  # a Literal has them


@pytest.mark.parametrize("request_", EVERY, ids=lambda request: request.kind)
def test_an_address_says_it(request_: ViewRequest) -> None:
    model = query_model(type(request_), ("json",))
    asked = of_query(type(request_), model.model_validate({**request_.to_text(), **STYLE.to_text()}))
    assert (asked.request, asked.options) == (request_, STYLE)


@pytest.mark.parametrize("request_", EVERY, ids=lambda request: request.kind)
def test_a_body_and_the_metadata_of_a_file_say_it(request_: ViewRequest) -> None:
    body = json.loads(json.dumps(request_.to_json()))
    assert type(request_).read(body) == request_
    asked = of_body(kind_of(request_), {**body, **json.loads(json.dumps(STYLE.to_json()))})
    assert (asked.request, asked.options) == (request_, STYLE)


@pytest.mark.parametrize("request_", COMMANDED, ids=lambda request: request.kind)
def test_the_command_that_is_shown_says_it(request_: ViewRequest, shell: "Shell") -> None:
    kind = kind_of(request_)
    named = ExportOptions.read({name: value for name, value in STYLE.to_json().items() if name in kind.style})
    line = command_line(kind.command, "ckpt", request_, kind.usual, named, arguments=kind.arguments)
    assert shell(line) == request_


@pytest.mark.parametrize("request_", EVERY, ids=lambda request: request.kind)
def test_a_dropped_file_opens_the_page_with_every_field_in_link_query_and_command(
    request_: ViewRequest, shell: "Shell", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Client, "view", lambda _, kind: view_schema(KINDS[kind]))
    kind = kind_of(request_)
    opened = {"kind": kind.name, "found": "ckpt", "view": json.loads(json.dumps(request_.to_json()))}
    _, view = view_of(opened)
    assert type(view).from_query(view.query()) == view
    sent = query_of_page(kind.name, view)
    texts = {name: as_text(value) for name, value in sent.items() if value is not None}
    asked = of_query(kind.request, query_model(kind.request, ("json",)).model_validate(texts))
    assert asked.request == request_
    if kind.commanded:
        assert shell(commands.view(kind.name, "ckpt", sent, kind.usual)) == request_


def query_of_page(kind: str, view: Any) -> dict[str, Any]:
    """What the page asks the API for, as each page does."""
    if kind == "traversal":
        dims = view.dims or ((view.dim,) if view.dim >= 0 else ())
        return {**view.api(), "dims": write(dims) or None}
    if kind == "together":
        return dict(view.beside(view.others.split(",")))
    if kind == "sensitivity":
        return {"dataset": view.dataset or None}
    if kind == "carried":
        return {"reference": view.checkpoint or None}
    if kind == "compare":
        return {"other": view.second}
    return (
        dict(view.api())
        if kind in ("rollout", "temporal", "counterfactual", "imitation", "contexts", "teachers", "flow", "calibration")
        else {}
    )


Shell = Callable[[str], ViewRequest]


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Shell:
    """What a command line asks to be made; nothing is looked up."""
    asked: list[ViewRequest] = []

    def make(_store: CommandStore, _kind: Kind, _info: Any, request: ViewRequest) -> None:
        asked.append(request)
        raise ViewError("view", "enough is known")

    def base(_store: CommandStore, texts: dict[str, Any], dataset: str | None, **_: Any) -> dict[str, Any]:
        return {**texts, **({"base": "dataset", "source": dataset} if dataset else {})}

    monkeypatch.setattr(CommandStore, "make", make)
    monkeypatch.setattr(CommandStore, "find", lambda *_: None)
    monkeypatch.setattr(CommandStore, "take_base", base)

    def run(line: str) -> ViewRequest:
        asked.clear()
        result = CliRunner().invoke(build_app(), shlex.split(line)[1:])
        assert asked, result.output
        return asked[0]

    return run


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_the_schema_names_every_field_with_its_default_and_what_it_is(kind: Kind) -> None:
    schema = view_schema(kind)
    assert set(schema["properties"]) == set(kind.request.names.values())
    assert all(field["description"] for field in schema["properties"].values())
    assert set(schema["x-style"]) == set(kind.style)
    assert schema["x-formats"] == list(kind.formats)


@pytest.mark.parametrize("place", ["address", "body", "shell"])
def test_a_dimension_that_is_edited_twice_is_refused_wherever_it_is_said(place: str, shell: Shell) -> None:
    with pytest.raises((ViewError, AssertionError), match="dimension 3 is edited twice"):
        if place == "shell":
            shell("diswm traverse ckpt --edits 3:1,3:2")
        elif place == "body":
            of_body(KINDS["traversal"], {"edits": "3:1,3:2"})
        else:
            model = query_model(TraversalRequest, ("json",))
            of_query(TraversalRequest, model.model_validate({"edits": "3:1,3:2"}))


def test_a_file_of_an_older_version_is_read_without_the_constants_that_it_carries() -> None:
    old = {"episode": 1, "context": 4, "horizon": 9, "actions": "zero", "samples": 1, "seed": 0, "edit": "", "with": []}
    assert TogetherRequest.read(old) == TogetherRequest(1, 4, 9, "zero")
    assert of_body(KINDS["together"], old).request == TogetherRequest(1, 4, 9, "zero")
