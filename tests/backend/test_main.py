"""The application as a whole: every refusal is a problem, nothing leaks, unknown parameters are named."""

import errno
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from backend.data.checkpoint import Checkpoint
from backend.data.files import aside_of
from backend.interpret.rollout import build_rollout
from backend.main import create_app
from backend.settings import Settings


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    return create_app(Settings(home=tmp_path / "home"))


def opened(app: FastAPI) -> TestClient:
    return TestClient(app, base_url="http://127.0.0.1:8000", raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/api/v1/", 404),
        ("GET", "/api/v1/checkpoints/", 404),
        ("DELETE", "/api/v1/checkpoints", 405),
        ("PATCH", "/api/v1/runs", 405),
        ("TRACE", "/healthz", 405),
        ("GET", "/healthz?x=1", 422),
        ("GET", "/api/v1/presets?verbose=true", 422),
        ("GET", "/api/v1/runs?limit=0", 422),
        ("GET", "/api/v1/exports/..", 404),
        ("GET", "/api/v1/exports/%2e%2e", 404),
        ("GET", "/api/v1/exports/%2e%2e%2f%2e%2e", 404),
        ("GET", "/api/v1/exports/" + "0" * 32, 404),
        ("POST", "/api/v1/exports", 422),
    ],
)
def test_every_refusal_is_a_problem_with_a_remedy(app: FastAPI, method: str, path: str, status: int) -> None:
    with opened(app) as client:
        answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["type"].startswith("/problems/")
    assert problem["detail"]
    assert problem["remedy"].endswith(".")
    assert answer.headers["x-content-type-options"] == "nosniff"
    if status == 405:
        assert answer.headers["allow"]


def test_a_defect_is_500_without_a_word_of_it_and_with_the_security_headers(app: FastAPI) -> None:
    @app.get("/broken")
    def broken() -> None:
        raise ValueError("secret detail")

    with opened(app) as client:
        answer = client.get("/broken")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text
    assert answer.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize(("code", "status"), [(errno.ENOSPC, 507), (errno.EDQUOT, 507), (errno.EROFS, 409)])
def test_a_disk_that_takes_no_more_is_said_so(app: FastAPI, code: int, status: int) -> None:
    @app.get("/writes")
    def writes() -> None:
        raise OSError(code, os.strerror(code))

    with opened(app) as client:
        answer = client.get("/writes")
    assert answer.status_code == status
    assert answer.json()["remedy"]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b'{"stage": "collect", "stage": "collect"}', {"Content-Type": "application/json"}, 400),
        (b'{"stage": "pretrain", "settings": {"beta": NaN}}', {"Content-Type": "application/json"}, 422),
        (b"[" * 50_000, {"Content-Type": "application/json"}, 422),
        (b'{"stage": "\\ud800"}', {"Content-Type": "application/json"}, 422),
        (b'{"stage": "collect"}', {}, 415),
        (b'{"stage": "collect"}', {"Content-Type": "text/plain"}, 415),
        (b'{"stage": "' + b"x" * 50_000_000 + b'"}', {"Content-Type": "application/json"}, 413),
        (b"[]", {"Content-Type": "application/json"}, 422),
        (b"3", {"Content-Type": "application/json"}, 422),
        (b"{}", {"Content-Type": "application/json"}, 422),
        (b'{"stage": "collect", "presett": "tiny"}', {"Content-Type": "application/json"}, 422),
    ],
)
def test_a_body_that_is_not_plain_json_of_a_run_changes_nothing(
    app: FastAPI, body: bytes, headers: dict[str, str], status: int
) -> None:
    with opened(app) as client:
        shipped = client.get("/api/v1/runs").json()["items"]
        answer = client.post("/api/v1/runs", content=body, headers=headers)
        assert answer.status_code == status
        assert answer.json()["errors"] or status == 413
        assert client.get("/api/v1/runs").json()["items"] == shipped


def test_an_unknown_key_of_a_body_names_the_nearest(app: FastAPI) -> None:
    with opened(app) as client:
        answer = client.post("/api/v1/runs", json={"stage": "collect", "presett": "tiny"})
    assert answer.json()["errors"][0]["pointer"] == "/presett"
    assert answer.json()["errors"][0]["suggestion"] == "preset"


def test_a_run_without_a_checkpoint_yet_is_409(app: FastAPI) -> None:
    with opened(app) as client:
        run = client.post("/api/v1/runs", json={"stage": "collect", "preset": "tiny"}).json()
        answer = client.get(f"/api/v1/checkpoints/{run['id']}/traversal")
    assert answer.status_code == 409
    assert answer.json()["type"] == "/problems/no-checkpoint-yet"


def test_light_requests_are_answered_while_every_worker_is_busy(
    tiny_checkpoint_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()

    def blocked(checkpoint: Checkpoint, *rest: object) -> object:
        gate.wait(20)
        return build_rollout(checkpoint, *rest)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr("backend.views.imagination.build_rollout", blocked)
    with opened(create_app(Settings(home=tiny_checkpoint_home))) as client, ThreadPoolExecutor(4) as clients:
        path = "/api/v1/checkpoints/tiny-world/rollout?horizon=5&seed="
        heavy = [clients.submit(client.get, f"{path}{seed}") for seed in range(4)]
        while "diswm_queries_pending 4" not in client.get("/metrics").text:
            pass
        for light in ("/healthz", "/readyz", "/api/v1/runs", "/api/v1/checkpoints", "/api/v1/presets"):
            assert client.get(light).status_code == 200
        assert not any(answer.done() for answer in heavy)
        gate.set()
        assert {answer.result().status_code for answer in heavy} == {200}


def test_the_document_names_problems_truthfully(app: FastAPI) -> None:
    document = app.openapi()
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for path, item in document["paths"].items():
        for method, operation in item.items():
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    assert list(response["content"]) == ["application/problem+json"], (path, method, status)
            assert {"401", "403", "422"} <= operation["responses"].keys()


def test_a_start_sweeps_what_killed_processes_left_and_nothing_of_a_living_one(app: FastAPI, tmp_path: Path) -> None:
    home = tmp_path / "home"
    places = [
        home,
        *(
            home / name
            for name in ("uploads", "datasets", "checkpoints/import-1", "shipped/a-1", "exports", "pictures")
        ),
    ]
    places += [home / "runs/run-a/checkpoints/update-1", home / "runs/run-a/pretrain/checkpoints/update-1"]
    dead = [place / ".partial-999999999.5-0-labels.json" for place in places]
    living = aside_of(home / "uploads" / "form")
    for folder in (*dead, living):
        folder.mkdir(parents=True)
        (folder / "000000").write_bytes(b"half")
    with opened(app):
        assert [folder for folder in dead if folder.exists()] == []
        assert living.exists()


def test_the_api_imports_no_training_and_nothing_that_only_some_answers_need() -> None:
    program = "import sys, backend.main; print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(ended.stdout.split())
    training = {f"backend.pipeline.{name}" for name in ("stages", "collect", "pretrain", "finetune", "evaluate")}
    assert {"backend.main", "backend.pipeline.checks"} <= loaded
    assert loaded & (training | {"backend.envs.vector"}) == set()
    assert loaded & {"sklearn", "pandas", "scipy", "matplotlib", "dm_control", "mujoco", "tensorboard"} == set()
