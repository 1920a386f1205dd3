"""The curves route: runs that are there, runs that are not, runs without evaluations."""

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from backend.main import create_app
from backend.settings import Settings


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    return TestClient(create_app(Settings(home=tmp_path)), base_url="http://127.0.0.1:8000")


def test_an_evaluated_run_has_a_curve_and_the_others_a_reason(client: TestClient, tmp_path: Path) -> None:
    with client:
        ids = [client.post("/api/v1/runs", json={"stage": "finetune"}).json()["id"] for _ in range(2)]
        folder = tmp_path / "runs" / ids[0]
        folder.mkdir(parents=True, exist_ok=True)
        settings = {"environment": "cartpole-swingup", "method": "diswm"}
        (folder / "settings.json").write_text(json.dumps({"stage": "finetune", "seed": 0, "settings": settings}))
        (folder / "metrics.jsonl").write_text(json.dumps({"environment_steps": 10, "evaluation_return": 3.5}) + "\n")
        answer = client.get("/api/v1/curves", params={"runs": ",".join(ids)}).json()
    assert [group["runs"] for group in answer["groups"]] == [[ids[0]]] and answer["groups"][0]["mean"] == [3.5]
    assert "holds no run" in answer["left_out"][ids[1]]


def test_runs_that_are_not_there_are_404_and_none_at_all_422(client: TestClient) -> None:
    with client:
        missing = client.get("/api/v1/curves", params={"runs": "nobody"})
        none = client.get("/api/v1/curves", params={"runs": ","})
        path = client.get("/api/v1/curves", params={"runs": "../../etc"})
    assert missing.status_code == path.status_code == 404
    assert none.status_code == 422 and none.json()["errors"][0]["pointer"] == "query:runs"
