"""The stand-in answers what the API answers: its paths, its schemas and, where those are open, recorded answers."""

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from fastapi.testclient import TestClient

from backend.main import create_app as create_real_app
from backend.settings import Settings
from tests.support.recorded import ASKED, ask, differences, like, recorded
from tests.support.stand_in import World, create_app

TYPED = (
    *("/runs", "/runs/run-walker", "/runs/run-cartpole", "/runs/run-broken", "/runs/run-cartpole/metrics"),
    *("/runs/run-cartpole/log", "/checkpoints", "/checkpoints/cartpole-small", "/checkpoints/cartpole-small/labels"),
    *("/checkpoints/cartpole-small/history", "/datasets", "/datasets/cartpole-clips", "/curves?runs=run-cartpole"),
    *("/notes/run",),
)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The real API, which knows the shipped checkpoints."""
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    with TestClient(create_real_app(settings), base_url="http://127.0.0.1:8000") as client:
        yield client


@pytest.fixture(scope="module")
def stand_in() -> TestClient:
    return TestClient(create_app(World.furnished()))


def test_the_stand_in_has_no_path_that_the_api_has_not(real: TestClient, stand_in: TestClient) -> None:
    known, used = (
        {(path, method) for path, methods in client.get("/openapi.json").json()["paths"].items() for method in methods}
        for client in (real, stand_in)
    )
    known_paths = {
        ("/".join("{}" if part.startswith("{") else part for part in path.split("/")), method) for path, method in known
    }
    verbs = {("/api/v1/runs/{}/{}", "post"), ("/healthz", "get")}
    for path, method in used:
        blank = "/".join("{}" if part.startswith("{") else part for part in path.split("/"))
        assert (blank, method) in known_paths | verbs


@pytest.mark.parametrize("path", TYPED)
def test_a_typed_answer_has_exactly_the_fields_of_the_apis_schema(
    real: TestClient, stand_in: TestClient, path: str
) -> None:
    document = real.get("/openapi.json").json()
    answer = stand_in.get(f"/api/v1{path}")
    assert answer.status_code == 200
    schema = {**schema_of(document, path), "components": closed(document["components"])}
    wrong = jsonschema.Draft202012Validator(schema).iter_errors(answer.json())
    assert [f"{error.json_path}: {error.message[:200]}" for error in wrong] == []


@pytest.mark.parametrize("name", ASKED)
def test_a_recorded_answer_has_exactly_the_fields_that_the_api_answers_now(real: TestClient, name: str) -> None:
    now = ask(real, name)
    wrong = [*differences(recorded(name), now), *differences(now, recorded(name))]
    assert wrong == [], "record it again: python -m tests.support.recorded"


def test_a_field_that_the_api_has_not_is_noticed() -> None:
    assert list(differences({"a": [{"b": 1}]}, {"a": [{"c": 1}]})) == ["/a/0/b: the real answer has no such field"]
    assert list(differences({"a": 1}, {"a": "1"})) == ["/a: a number, in the real answer text"]
    with pytest.raises(AssertionError, match="no such field"):
        like("temporal", {"stepz": [3]})


def test_a_field_that_is_not_made_is_filled_in_from_the_recorded_answer() -> None:
    assert like("temporal", {"context": -1}) == recorded("temporal") | {"context": -1}
    (row,) = like("atlas", {"rows": [{"dim": 77}]})["rows"]
    assert row == recorded("atlas")["rows"][0] | {"dim": 77}


def closed(components: dict[str, Any]) -> dict[str, Any]:
    """The components, such that a field that no schema names is an error."""
    schemas = {
        name: {"additionalProperties": False, **schema} if "properties" in schema else schema
        for name, schema in components["schemas"].items()
    }
    return {**components, "schemas": schemas}


def schema_of(document: dict[str, Any], path: str) -> dict[str, Any]:
    """What the document says of the answer of `GET path`."""
    parts = f"/api/v1{path}".partition("?")[0].split("/")
    for known, methods in document["paths"].items():
        pattern = known.split("/")
        fits = len(pattern) == len(parts) and all(
            one.startswith("{") or one == other for one, other in zip(pattern, parts, strict=True)
        )
        if fits and "get" in methods:
            schema = methods["get"]["responses"]["200"]["content"]["application/json"]["schema"]
            assert schema, known
            return dict(schema)
    raise AssertionError(f"the API has no {path}")
