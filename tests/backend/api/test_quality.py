"""The quality line over HTTP: measured at the first request, stored, and shown with every checkpoint."""

import shutil
from pathlib import Path

import numpy as np
from fastapi.testclient import TestClient

from backend.data.episodes import DatasetInfo, frames_only, now, write_dataset_info, write_episode

BASE = "/api/v1/checkpoints"


def _dataset(home: Path) -> str:
    folder = home / "datasets" / "noise"
    folder.mkdir(parents=True)
    images = np.random.default_rng(0).integers(0, 256, (3, 12, 64, 64, 3), np.uint8)
    for number, image in enumerate(images):
        write_episode(folder / f"{number}.npz", frames_only(image))
    about = {"name": "noise", "kind": "clips", "environment": None, "settings": {}, "warnings": ()}
    sizes = {"episodes": 3, "frames": 36, "lengths": (12, 12, 12), "action_size": 0, "factor_names": ()}
    write_dataset_info(DatasetInfo(id="noise", folder=folder, guessed_factors=True, created_at=now(), **about, **sizes))
    return "noise"


def test_it_is_measured_when_it_is_first_asked_for_and_then_known_everywhere(client: TestClient, home: Path) -> None:
    before = client.get(f"{BASE}/tiny-world").json()
    assert (before["quality"], before["sees"], before["agent_right"]) == (None, None, None)
    answer = client.get(f"{BASE}/tiny-world/quality")
    assert answer.status_code == 200 and answer.headers["etag"]
    quality = answer.json()
    assert quality["psnr"]["model"].keys() == {"1", "5", "10", "15", "25", "45"}
    assert (home / "checkpoints" / "tiny-world" / "quality.json").is_file()
    after = client.get(f"{BASE}/tiny-world").json()
    assert after["quality"] == quality
    listed = next(item for item in client.get(BASE).json()["items"] if item["id"] == "tiny-world")
    for item in (after, listed):
        assert item["sees"] == quality["sees"] and item["agent_right"] == quality["agent_right"]["observed"]
    assert client.get(f"{BASE}/tiny-world/quality").json() == quality


def test_another_data_set_may_be_asked_of_and_an_unknown_one_is_refused(client: TestClient, home: Path) -> None:
    quality = client.get(f"{BASE}/tiny-video/quality", params={"dataset": _dataset(home)}).json()
    assert (quality["source"], quality["episodes"]) == ("noise", 3)
    assert client.get(f"{BASE}/tiny-video").json()["quality"] is None  # that is not what is kept
    refused = client.get(f"{BASE}/tiny-video/quality?dataset=nothing")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "query:dataset"


def test_a_checkpoint_whose_quality_cannot_be_read_is_still_listed(client: TestClient, home: Path) -> None:
    folder = shutil.copytree(home / "checkpoints" / "tiny-video", home / "checkpoints" / "odd")
    (folder / "quality.json").write_text("{")
    listed = next(item for item in client.get(BASE).json()["items"] if item["id"] == "odd")
    assert listed["sees"] is None
    shutil.rmtree(folder)


def test_it_travels_with_the_download(client: TestClient) -> None:
    quality = client.get(f"{BASE}/tiny-world/quality").json()
    archive = client.get(f"{BASE}/tiny-world/download").content
    taken = client.post(BASE, files={"file": ("a.zip", archive)}).json()
    assert client.get(f"{BASE}/{taken['id']}").json()["quality"] == quality
