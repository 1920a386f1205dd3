"""Deletion over HTTP: what can be deleted, and the reason where it cannot."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from backend.main import create_app
from backend.runs.locks import folder_lock, hold
from backend.settings import Settings

API = "/api/v1"


@pytest.fixture
def place(tiny_checkpoint_home: Path, tmp_path: Path) -> Path:
    """A home of one imported video model and a run with two checkpoints."""
    home = tmp_path / "home"
    tiny = tiny_checkpoint_home / "checkpoints"
    shutil.copytree(tiny / "tiny-video", home / "checkpoints" / "tiny-video")
    for count in (10, 20):
        shutil.copytree(tiny / "tiny-world", home / "runs" / "mine" / "checkpoints" / f"update-{count:09d}")
    return home


@pytest.fixture
def api(place: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(home=place)), base_url="http://127.0.0.1") as opened:
        yield opened


def test_an_imported_checkpoint_is_gone_at_once(api: TestClient, place: Path) -> None:
    assert api.get(f"{API}/checkpoints/tiny-video").status_code == 200
    assert api.delete(f"{API}/checkpoints/tiny-video").status_code == 204
    assert api.get(f"{API}/checkpoints/tiny-video").status_code == 404
    assert api.delete(f"{API}/checkpoints/tiny-video").status_code == 404
    assert list((place / "checkpoints").iterdir()) == []


def test_a_run_s_checkpoints_go_one_by_one(api: TestClient, place: Path) -> None:
    assert api.delete(f"{API}/checkpoints/mine.update-000000010").status_code == 204
    assert api.delete(f"{API}/checkpoints/mine").status_code == 204
    assert list((place / "runs" / "mine" / "checkpoints").iterdir()) == []


def test_a_shipped_checkpoint_stays(api: TestClient) -> None:
    refused = api.delete(f"{API}/checkpoints/finger-episode-factors")
    assert refused.status_code == 409
    assert "comes with the program" in refused.json()["detail"]


@pytest.mark.parametrize("state", ["queued", "running", "paused"])
def test_a_video_model_that_a_run_needs_stays(api: TestClient, place: Path, state: str) -> None:
    order = {"stage": "finetune", "settings": {"teacher": "tiny-video", "latents": 6}}
    run = api.post(f"{API}/runs", json=order).json()
    store = api.app.state.run_service.store  # type: ignore[attr-defined] # the FastAPI app
    if state != "queued":
        claimed = store.claim(run["id"], 0, "worker-1")
        if state == "paused":
            store.finish(run["id"], claimed.attempt, "paused")
    refused = api.delete(f"{API}/checkpoints/tiny-video")
    assert refused.status_code == 409
    assert run["id"] in refused.json()["detail"] and state in refused.json()["detail"]
    assert (place / "checkpoints" / "tiny-video" / "manifest.json").exists()
    api.post(f"{API}/runs/{run['id']}/cancel")
    if state != "running":
        assert api.delete(f"{API}/checkpoints/tiny-video").status_code == 204


def test_a_checkpoint_of_a_run_that_is_written_by_hand_stays(api: TestClient, place: Path) -> None:
    with hold(folder_lock(place / "runs" / "mine")):
        refused = api.delete(f"{API}/checkpoints/mine")
    assert refused.status_code == 409
    assert "a command writes into the folder of its run mine" in refused.json()["detail"]


def test_an_export_is_gone_and_made_again_when_asked_for(api: TestClient, place: Path) -> None:
    body = {"kind": "traversal", "checkpoint": "tiny-video", "format": "csv", "view": {"columns": 3}}
    made = api.post(f"{API}/exports", json=body).json()
    assert api.delete(made["url"]).status_code == 204
    assert [api.get(made["url"]).status_code, api.delete(made["url"]).status_code] == [404, 404]
    assert list((place / "exports").iterdir()) == []
    assert api.post(f"{API}/exports", json=body).status_code == 201


def test_a_name_is_taken_away(api: TestClient) -> None:
    labels = f"{API}/checkpoints/tiny-video/labels"
    api.put(f"{labels}/3", json={"name": "hip"})
    assert api.delete(f"{labels}/3").status_code == 204
    assert api.get(labels).json()["items"] == []
    assert api.delete(f"{labels}/3").status_code == 404
    assert api.delete(f"{labels}/6").status_code == 422
