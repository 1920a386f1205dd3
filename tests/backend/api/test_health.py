"""Health, readiness, metrics."""

import re
import shutil
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from backend.main import create_app
from backend.settings import Settings


def test_a_living_process_says_so(client: TestClient) -> None:
    answer = client.get("/healthz")
    assert answer.json()["status"] == "ok"


def test_only_healthz_is_open_where_there_is_a_token(tmp_path: Path) -> None:
    with TestClient(create_app(Settings(home=tmp_path, token="secret")), base_url="http://127.0.0.1") as locked:  # type: ignore[arg-type]  # pydantic makes it a SecretStr
        assert locked.get("/healthz").status_code == 200
        for path in ("/readyz", "/metrics", "/docs", "/openapi.json", "/api/v1/checkpoints", "/nowhere"):
            assert locked.get(path).status_code == 401
        assert locked.get("/readyz", headers={"Authorization": "Bearer secret"}).status_code == 200


def test_a_process_that_can_work_is_ready(client: TestClient) -> None:
    assert client.get("/readyz").json()["checks"] == {
        "home": "ok",
        "disk": "ok",
        "database": "ok: 0 runs",
        "checkpoints": "ok",
        "worker": "ok: none, runs wait for one",
    }


def test_readiness_names_the_workers_that_live(client: TestClient) -> None:
    assert client.get("/api/v1/workers").json() == {"items": []}
    store = client.app.state.run_service.store  # type: ignore[attr-defined] # the FastAPI app
    store.announce("worker-1", ["cpu"])
    store.announce("gpu-2", ["cpu", "cuda:0", "@a100"])
    assert client.get("/readyz").json()["checks"]["worker"] == "ok: gpu-2 (cpu, cuda:0, @a100); worker-1 (cpu)"
    first = client.get("/api/v1/workers").json()["items"][0]
    assert first == {"name": "gpu-2", "devices": ["cpu", "cuda:0"], "labels": ["a100"]}
    store.withdraw("worker-1")
    store.withdraw("gpu-2")
    assert client.get("/readyz").json()["checks"]["worker"].startswith("ok: none")


def test_a_process_without_room_is_not_ready(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    full = shutil.disk_usage("/")._replace(free=1_000_000)
    monkeypatch.setattr("backend.api.health.shutil.disk_usage", lambda _path: full)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["errors"][0]["pointer"] == "check:disk"
    assert answer.headers["retry-after"]


def test_metrics_are_prometheus_text_and_count(client: TestClient) -> None:
    def count() -> int:
        text = client.get("/metrics").text
        found = re.search(r'diswm_requests_total\{method="GET",route="/healthz",status="200"\} (\d+)', text)
        return int(found[1]) if found else 0

    before = count()
    client.get("/healthz")
    assert count() == before + 1
    lines = [line for line in client.get("/metrics").text.splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z_]+(\{[^}]*\})? [0-9.e+-]+", line) for line in lines)
