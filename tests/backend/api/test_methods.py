"""`GET /methods` is the catalogue, and names settings and values that the form knows."""

from fastapi.testclient import TestClient


def test_the_methods_are_those_that_the_form_offers(client: TestClient) -> None:
    items = client.get("/api/v1/methods").json()["items"]
    stages = ("finetune", "offline")
    forms = {stage: client.get(f"/api/v1/schemas/{stage}").json()["properties"] for stage in stages}
    assert [item["name"] for item in items] == [name for form in forms.values() for name in form["method"]["enum"]]
    for item in items:
        assert item.keys() == {"name", "title", "paper", "stage", "needs", "view", "differs"}
        assert (
            item["name"] in forms[item["stage"]]["method"]["enum"]
            and item["title"]
            and item["paper"]
            and item["differs"].endswith(".")
        )
        assert all(need["setting"].strip("/") in forms[item["stage"]] for need in item["needs"])
    needs = {item["name"]: item["needs"] for item in items}
    assert needs["apv"] == [{"setting": "/teacher", "kind": "video model", "required": True}]
    assert needs["dreamerv2"] == []


def test_a_setting_of_another_method_is_refused_with_its_place(client: TestClient) -> None:
    body = {"stage": "finetune", "preset": "tiny", "settings": {"method": "dreamerv2", "distill_start": 0.2}}
    answer = client.post("/api/v1/runs", json=body)
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert "distill_start is a setting of diswm and diswm-no-disentanglement only" in fault["detail"]
