"""Recorded answers are what the API answers now."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from backend.main import create_app
from backend.settings import Settings
from tests.support.recorded import ASKED, ask, differences, recorded


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    with TestClient(create_app(settings), base_url="http://127.0.0.1:8000") as client:
        yield client


@pytest.mark.parametrize("name", ASKED)
def test_a_recorded_answer_has_exactly_the_fields_that_the_api_answers_now(real: TestClient, name: str) -> None:
    assert list(differences(recorded(name), ask(real, name))) == [], "record it: python -m tests.support.recorded"


def test_a_field_that_only_one_answer_has_is_noticed() -> None:
    wrong = list(differences({"a": [{"b": 1}]}, {"a": [{"c": 1}]}))
    assert wrong == ["/a/0/b: in one of them only", "/a/0/c: in one of them only"]
    assert list(differences({"a": 1}, {"a": "1"})) == ["/a: a number and text"]
    assert list(differences({"a": 1.5, "b": None}, {"a": 1, "b": "text"})) == []
