"""Presets and schemas are what the page's form needs."""

import pytest
from fastapi.testclient import TestClient


def test_each_preset_has_every_stage_and_an_estimate(client: TestClient) -> None:
    items = client.get("/api/v1/presets").json()["items"]
    assert [item["name"] for item in items] == ["tiny", "small", "paper"]
    for item in items:
        assert item["stages"].keys() == item["estimate"].keys() == {"collect", "pretrain", "finetune", "offline"}
        assert item["title"]
        assert item["description"]
        assert all(stage["minutes"] >= 0 and stage["memory_gb"] > 0 for stage in item["estimate"].values())


def test_a_larger_preset_is_estimated_to_take_longer(client: TestClient) -> None:
    minutes = [
        sum(item["estimate"][stage]["minutes"] for stage in ("collect", "pretrain", "finetune"))
        for item in client.get("/api/v1/presets").json()["items"]
    ]
    assert minutes == sorted(minutes)
    assert minutes[0] < 2


@pytest.mark.parametrize("stage", ["collect", "pretrain", "finetune", "offline", "pipeline"])
def test_a_schema_describes_every_setting(client: TestClient, stage: str) -> None:
    schema = client.get(f"/api/v1/schemas/{stage}").json()
    assert schema["additionalProperties"] is False
    assert schema["properties"]


def test_an_unknown_stage_is_404_and_names_the_nearest(client: TestClient) -> None:
    answer = client.get("/api/v1/schemas/pretrian")
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["suggestion"] == "pretrain"


def test_a_run_is_estimated_from_its_own_settings_and_not_started(client: TestClient) -> None:
    def minutes(settings: dict[str, object]) -> float:
        body = {"stage": "pretrain", "preset": "small", "settings": settings}
        return float(client.post("/api/v1/estimates", json=body).json()["estimate"]["pretrain"]["minutes"])

    items = client.get("/api/v1/presets").json()["items"]
    of_the_preset = next(item for item in items if item["name"] == "small")["estimate"]["pretrain"]["minutes"]
    assert minutes({}) == of_the_preset
    assert minutes({"updates": 320_000}) > 8 * of_the_preset
    assert [run for run in client.get("/api/v1/runs").json()["items"] if run["source"] != "shipped"] == []


def test_an_estimate_of_wrong_settings_is_422_and_names_the_field(client: TestClient) -> None:
    answer = client.post("/api/v1/estimates", json={"stage": "pretrain", "settings": {"betta": 1}})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/settings/betta"
    assert answer.json()["errors"][0]["suggestion"] == "beta"
