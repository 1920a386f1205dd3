"""Checkpoints over HTTP: list, detail, frame, download and upload."""

import hashlib
import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from safetensors.torch import load, save

from backend.data import catalogue
from backend.data.checkpoint import CheckpointInfo, read_info
from backend.data.clip import Clip
from backend.data.places import SHIPPED, names_in
from backend.views import checkpoint_cache

BASE = "/api/v1/checkpoints"


def test_the_list_has_what_the_page_shows(client: TestClient) -> None:
    items = {item["id"]: item for item in client.get(BASE).json()["items"]}
    world = items["tiny-world"]
    assert world["stage"] == "finetune"
    assert world["latents"] == 6
    assert world["named"] >= 0


def test_a_list_comes_in_pages_without_gaps(client: TestClient) -> None:
    whole = [item["id"] for item in client.get(BASE).json()["items"]]
    found, cursor = [], None
    while True:
        page = client.get(BASE, params={"limit": 1} | ({"cursor": cursor} if cursor else {})).json()
        found += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == whole
    assert client.get(BASE, params={"cursor": "bm9uZQ"}).status_code == 422


def test_the_detail_says_what_can_be_asked(client: TestClient) -> None:
    detail = client.get(f"{BASE}/tiny-world").json()
    assert detail["clip"] == {
        "episodes": 3,
        "length": 24,
        "factor_names": ["square x", "square y", "square brightness"],
    }
    assert detail["policy"] is True
    assert len(detail["statistics"]["kl"]) == 6
    assert client.get(f"{BASE}/tiny-video").json()["policy"] is False


@pytest.mark.parametrize(
    "name", ["nothing", "..", "%2e%2e", "..%2f..%2fetc", "tiny-world%00", "tiny-world/..", "%F0%9F"]
)
def test_an_unknown_id_is_404_and_no_path(client: TestClient, name: str) -> None:
    answer = client.get(f"{BASE}/{name}/traversal")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_frame_is_the_clip_s_own(client: TestClient, moving_squares: Clip) -> None:
    answer = client.get(f"{BASE}/tiny-world/frame", params={"episode": 1, "frame": 5})
    picture = np.asarray(Image.open(io.BytesIO(answer.content)))
    assert np.array_equal(picture, moving_squares.image[1, 5])


def test_a_frame_that_is_not_there_is_422(client: TestClient) -> None:
    answer = client.get(f"{BASE}/tiny-world/frame", params={"frame": 24})
    assert answer.status_code == 422
    assert answer.json()["errors"][0] == {
        "pointer": "query:frame",
        "detail": "there is no frame 24; take 0 to 23",
        "suggestion": None,
    }


def upload(client: TestClient, content: bytes) -> tuple[int, dict[str, object]]:
    answer = client.post(BASE, files={"file": ("checkpoint.zip", content)})
    return answer.status_code, answer.json()


def downloaded(client: TestClient, name: str = "tiny-world") -> bytes:
    answer = client.get(f"{BASE}/{name}/download")
    assert answer.headers["content-disposition"] == f'attachment; filename="diswm_{name}.zip"'
    return answer.content


def edited(content: bytes, name: str, replacement: bytes | None) -> bytes:
    """The zip with one member replaced or removed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(buffer, "w") as target:
        for entry in source.namelist():
            if entry != name:
                target.writestr(entry, source.read(entry))
        if replacement is not None:
            target.writestr(name, replacement)
    return buffer.getvalue()


def member(content: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as source:
        return source.read(name)


def test_what_is_taken_out_can_be_brought_in_and_shows_the_same_traversal(client: TestClient) -> None:
    content = downloaded(client)
    status, made = upload(client, content)
    again, same = upload(client, content)
    assert (status, again) == (201, 200)
    assert made["id"] == same["id"]
    assert made["source"] == "import"
    first = client.get(f"{BASE}/tiny-world/atlas?format=png").content
    second = client.get(f"{BASE}/{made['id']}/atlas?format=png").content
    assert first == second


def test_a_download_is_not_sent_twice(client: TestClient, home: Path) -> None:
    first = client.get(f"{BASE}/tiny-video/download")
    again = client.get(f"{BASE}/tiny-video/download", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert not list(home.glob(".*download*"))


def test_a_damaged_checkpoint_is_not_passed_on(client: TestClient, home: Path) -> None:
    status, made = upload(client, edited(downloaded(client, "tiny-video"), "README.md", b"# other"))
    assert status in (200, 201)
    weights = home / "checkpoints" / str(made["id"]) / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    for path in ("download", "traversal", ""):
        answer = client.get(f"{BASE}/{made['id']}/{path}".rstrip("/"))
        assert answer.status_code == 409, path
        assert "model.safetensors" in answer.json()["detail"]


@pytest.mark.parametrize("content", [b"", b"text", pickle.dumps({"a": 1}), b"#EXTM3U\n", b"PK\x03\x04"])
def test_an_upload_that_is_no_checkpoint_is_422(client: TestClient, content: bytes) -> None:
    status, problem = upload(client, content)
    assert status == 422
    assert problem["type"] == "/problems/import-refused"
    assert problem["remedy"]


def test_a_flipped_bit_is_422_naming_the_file(client: TestClient) -> None:
    content = downloaded(client)
    statistics = bytearray(member(content, "statistics.json"))
    statistics[100] ^= 1
    status, problem = upload(client, edited(content, "statistics.json", bytes(statistics)))
    assert status == 422
    assert [error["pointer"] for error in problem["errors"]] == ["/file/statistics.json"]  # type: ignore[attr-defined]


def test_weights_of_other_shapes_are_409_with_the_list(client: TestClient) -> None:
    content = downloaded(client)
    tensors = load(member(content, "model.safetensors"))
    gone = sorted(tensors)[0]
    del tensors[gone]
    weights = save(tensors)
    manifest = json.loads(member(content, "manifest.json"))
    manifest["model.safetensors"] = hashlib.sha256(weights).hexdigest()
    content = edited(content, "manifest.json", json.dumps(manifest).encode())
    status, problem = upload(client, edited(content, "model.safetensors", weights))
    assert status == 409
    assert {"pointer": "/file/model.safetensors", "detail": f"missing {gone}", "suggestion": None} in problem["errors"]  # type: ignore[operator]


def test_two_files_or_none_are_422(client: TestClient) -> None:
    two = client.post(BASE, files=[("file", ("a.zip", b"a")), ("file", ("b.zip", b"b"))])
    none = client.post(BASE, files={"name": (None, "x")})
    assert (two.status_code, none.status_code) == (422, 422)


def test_an_upload_over_the_limit_is_413_and_leaves_nothing(client: TestClient, home: Path) -> None:
    answer = client.post(BASE, files={"file": ("big.zip", b"x" * 21_000_000)})
    assert answer.status_code == 413
    assert answer.json()["limit"] == 20_000_000
    assert not list((home / "uploads").glob("*"))


def test_json_to_an_upload_is_415(client: TestClient) -> None:
    assert client.post(BASE, json={}).status_code == 415


def test_checkpoints_are_searched_by_words_of_name_stage_and_environment(client: TestClient) -> None:
    every = client.get("/api/v1/checkpoints").json()["items"]
    one = every[0]
    found = client.get("/api/v1/checkpoints", params={"search": f"{one['stage'].upper()} {one['id']}"}).json()["items"]
    assert one["id"] in [item["id"] for item in found] and len(found) < len(every)
    assert client.get("/api/v1/checkpoints", params={"search": "no such words"}).json()["items"] == []
    of_stage = client.get("/api/v1/checkpoints", params={"stage": "finetune"}).json()["items"]
    assert of_stage == [item for item in every if item["stage"] == "finetune"] and 0 < len(of_stage) < len(every)


def test_settings_that_changed_on_the_disk_are_read_again(client: TestClient, home: Path) -> None:
    path = home / "checkpoints" / "tiny-video" / "config.json"
    before = path.read_bytes()
    name = client.get(f"{BASE}/tiny-video").json()["name"]
    changed = {**json.loads(before), "name": "another name"}
    path.write_text(json.dumps(changed))
    names = {item["id"]: item["name"] for item in client.get(BASE).json()["items"]}
    path.write_bytes(before)
    assert names["tiny-video"] == "another name"
    assert {item["id"]: item["name"] for item in client.get(BASE).json()["items"]}["tiny-video"] == name


def test_a_list_asks_the_disk_about_no_more_than_it_shows(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(client.get(BASE).json()["items"]) > 3
    read: list[str] = []

    def look(folder: str, id: str, *about: Any) -> CheckpointInfo:
        read.append(id)
        return read_info(folder, id, *about)

    for module in (catalogue, checkpoint_cache):
        monkeypatch.setattr(module, "read_info", look)
    shown = [item["id"] for item in client.get(BASE, params={"limit": 1}).json()["items"]]
    assert set(shown) <= set(read) <= {*shown, *names_in(SHIPPED)}


def test_a_checkpoint_that_broke_on_the_disk_leaves_the_list(client: TestClient, home: Path) -> None:
    path = home / "checkpoints" / "tiny-video" / "config.json"
    assert "tiny-video" in [item["id"] for item in client.get(BASE).json()["items"]]
    before = path.read_bytes()
    path.write_bytes(b"{")
    found = [item["id"] for item in client.get(BASE).json()["items"]]
    path.write_bytes(before)
    assert "tiny-video" not in found
    assert "tiny-video" in [item["id"] for item in client.get(BASE).json()["items"]]
