"""The stand-in answers what the real API answers: its paths, its schemas and, where those are open, the same fields."""

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from fastapi.testclient import TestClient
from stand_in import World, create_app

from backend.main import create_app as create_real_app
from backend.settings import Settings

FINGER, CARTPOLE = "finger-episode-factors", "cartpole-swingup-policy"
# what the stand-in is asked -> what the real API is asked, about the shipped checkpoints, for the same kind of answer
OPEN = {
    "cartpole-small/atlas?columns=5": f"{FINGER}/atlas?columns=5",
    "cartpole-small/traversal?dims=1": f"{FINGER}/traversal?dims=9",
    "cartpole-small/factors": f"{FINGER}/factors",
    "cartpole-small/factors/1": f"{FINGER}/factors/9",
    "cartpole-small/leakage": f"{FINGER}/leakage",
    "cartpole-small/quality": f"{CARTPOLE}/quality",
    "cartpole-small/interventions": f"{FINGER}/interventions",
    "cartpole-small/sensitivity": f"{CARTPOLE}/sensitivity",
    "cartpole-small/compare?other=run-cartpole": f"{FINGER}/compare?other={CARTPOLE}",
    "cartpole-small/rollout?samples=2&edit=1:2@6%2B": f"{CARTPOLE}/rollout?samples=2&edit=9:2@6%2B&horizon=9",
    "cartpole-small/temporal": f"{CARTPOLE}/temporal?horizon=5",
    "cartpole-small/rollouts?with=run-cartpole": f"{CARTPOLE}/rollouts?with={CARTPOLE}&horizon=5",
    "cartpole-small/carried": f"{CARTPOLE}/carried?reference={FINGER}",
}
TYPED = (
    *("/presets", "/runs", "/runs/run-walker", "/runs/run-cartpole", "/runs/run-broken", "/runs/run-cartpole/metrics"),
    *("/runs/run-cartpole/log", "/checkpoints", "/checkpoints/cartpole-small", "/checkpoints/cartpole-small/labels"),
    *("/checkpoints/cartpole-small/history", "/datasets", "/datasets/cartpole-clips", "/curves?runs=run-cartpole"),
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
    plain = {
        ("/".join("{}" if part.startswith("{") else part for part in path.split("/")), method) for path, method in known
    }
    verbs = {("/api/v1/runs/{}/{}", "post"), ("/healthz", "get")}
    for path, method in used:
        blank = "/".join("{}" if part.startswith("{") else part for part in path.split("/"))
        assert (blank, method) in plain | verbs


@pytest.mark.parametrize("path", TYPED)
def test_a_typed_answer_keeps_to_the_apis_schema(real: TestClient, stand_in: TestClient, path: str) -> None:
    document = real.get("/openapi.json").json()
    answer = stand_in.get(f"/api/v1{path}")
    assert answer.status_code == 200
    schema = {**schema_of(document, path), "components": document["components"]}
    wrong = jsonschema.Draft202012Validator(schema).iter_errors(answer.json())
    assert [f"{error.json_path}: {error.message[:200]}" for error in wrong] == []


@pytest.mark.parametrize("path", OPEN)
def test_an_open_answer_has_the_fields_of_the_real_one(real: TestClient, stand_in: TestClient, path: str) -> None:
    made = stand_in.get(f"/api/v1/checkpoints/{path}").json()
    truth = real.get(f"/api/v1/checkpoints/{OPEN[path]}").json()
    assert not list(differences(made, truth))


def test_a_field_that_the_api_has_not_is_noticed() -> None:
    assert list(differences({"a": [{"b": 1}]}, {"a": [{"c": 1}]})) == ["/a/0/b: the real answer has no such field"]
    assert list(differences({"a": 1}, {"a": "1"})) == ["/a: a number, in the real answer text"]


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


def differences(made: Any, truth: Any, place: str = "") -> Iterator[str]:
    """Fields and kinds of values of an imitation that the true answer has not. Nothing is told of what is null."""
    if made is None or truth is None:
        return
    kinds = [kind_of(value) for value in (made, truth)]
    if kinds[0] != kinds[1]:
        yield f"{place}: {kinds[0]}, in the real answer {kinds[1]}"
    elif isinstance(made, dict):
        open_keys = not made.keys() & truth.keys() and all(isinstance(key, str) for key in made)
        for name, value in made.items():
            if name in truth:
                yield from differences(value, truth[name], f"{place}/{name}")
            elif not (open_keys and place in FREE):
                yield f"{place}/{name}: the real answer has no such field"
    elif isinstance(made, list) and made and truth:
        yield from differences(made[0], truth[0], f"{place}/0")


FREE = ("/seen",)  # keyed by factors


def kind_of(value: Any) -> str:
    """The kind of a JSON value, in words."""
    if isinstance(value, bool):
        return "true or false"
    return {int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}[type(value)]
