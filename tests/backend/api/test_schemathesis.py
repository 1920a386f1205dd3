"""The API against its own OpenAPI document: no defect, no status, type or body that the document does not name."""

import contextlib
import copy
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from backend.data.clip import Clip
from backend.data.episodes import frames_only, write_episode
from tests.support.serving import served

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
QUICK = 2  # cases an operation and phase
QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck), "phases": [Phase.explicit, Phase.generate]}


@pytest.fixture(scope="module")
def address(app: FastAPI) -> Iterator[str]:
    """The application served over a real socket."""
    with served(app, log_level="error", timeout_graceful_shutdown=1) as address:
        yield address


@pytest.fixture(scope="module")
def raw(address: str, home: Path, moving_squares: Clip) -> dict[str, Any]:
    """The document as a client gets it, with ids that exist."""
    (home / "datasets" / "squares").mkdir(parents=True)
    write_episode(home / "datasets" / "squares" / "0.npz", frames_only(moving_squares.image[0]))
    known = {"checkpoint": ["tiny-world"], "dataset": ["squares"], "stage": ["pretrain", "collect"]}
    known |= {"dim": ["0", "5"], "n": ["0", "23"], "run": [_queued_run(address)]}
    raw: dict[str, Any] = httpx.get(f"{address}/openapi.json", timeout=60).json()
    for item in raw["paths"].values():
        for operation in item.values():
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "path" and parameter["name"] in known:
                    parameter["schema"] = {"type": "string", "enum": known[parameter["name"]]}
    return raw


@pytest.fixture(scope="module")
def document(raw: dict[str, Any], address: str) -> schemathesis.BaseSchema:
    """Every operation but the event stream, which is tested with the runs."""
    return as_schema(raw, address).exclude(path_regex="/events$")


def as_schema(raw: dict[str, Any], address: str) -> schemathesis.BaseSchema:
    schema = schemathesis.openapi.from_dict(copy.deepcopy(raw))
    schema.config.update(base_url=address)
    return schema


def _queued_run(address: str) -> str:
    run: str = httpx.post(f"{address}/api/v1/runs", json={"stage": "collect", "preset": "tiny"}, timeout=60).json()[
        "id"
    ]
    return run


class Findings(NamedTuple):
    """The number of requests sent, and what is wrong with the answers to each operation."""

    cases: int
    wrong: dict[str, str]


def answers_to(document: schemathesis.BaseSchema, examples: int) -> Findings:
    """Valid and invalid requests to each operation, and what is wrong with the answers."""
    cases, wrong = 0, {}
    for result in document.get_all_operations():
        operation = result.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            asked, fault = _ask(operation, mode, examples)
            cases += asked
            if fault:
                wrong[f"{operation.label} {mode.value}"] = fault
    return Findings(cases, wrong)


def _ask(operation: schemathesis.APIOperation, mode: GenerationMode, examples: int) -> tuple[int, str]:
    """The number of requests, and the first fault of their answers."""
    asked = 0

    @seed(0)
    @settings(max_examples=examples, database=None, **QUIET)
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case) -> None:
        nonlocal asked
        asked += 1
        case.call_and_validate(checks=CHECKS, timeout=60)

    try:
        with contextlib.suppress(Unsatisfiable):  # an operation without parameters has no invalid requests
            ask()
    except FailureGroup as failures:
        return asked, "\n".join(str(failure) for failure in failures.exceptions)
    return asked, ""


def test_every_answer_is_one_that_the_document_names(document: schemathesis.BaseSchema) -> None:
    found = answers_to(document, QUICK)
    assert found.wrong == {}
    assert found.cases > 100


def test_a_status_that_the_document_does_not_name_is_noticed(raw: dict[str, Any], address: str) -> None:
    """Negative control: the check above can fail."""
    silent = copy.deepcopy(raw)
    del silent["paths"]["/api/v1/curves"]["get"]["responses"]["422"]
    found = answers_to(as_schema(silent, address).include(path_regex="/curves$"), QUICK)
    assert "Undocumented status code" in "".join(found.wrong.values())


@pytest.mark.long
def test_every_answer_is_one_that_the_document_names_in_thousands_of_cases(
    document: schemathesis.BaseSchema, ledger: Any
) -> None:
    cases = int(os.environ.get("CASES", "120"))
    found = answers_to(document, cases)
    assert found.wrong == {}
    assert found.cases > 5_000 * cases / 120
    tried = f"{found.cases:,} requests, valid and invalid, to every operation"
    bar = "no 5xx, no status, type or body that the document does not name"
    ledger.write("the API answers as its OpenAPI document says", bar, tried, "none")
