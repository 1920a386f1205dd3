"""Uploads: a preview comes first, long imports can be polled, and uploaded data can be deleted."""

import base64
import io
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from backend.api import datasets as routes
from backend.data.clips import import_clips
from backend.data.episodes import encode_episode, frames_only

API = "/api/v1"


def episode(shade: int, frames: int = 60) -> bytes:
    """An npz of one shade."""
    return encode_episode(frames_only(np.full((frames, 64, 64, 3), shade, np.uint8)))


def pictures(shade: int, count: int = 40) -> list[tuple[str, tuple[str, bytes]]]:
    """Loose pictures of 96 x 64 whose left third is bright."""
    files = []
    for number in range(count):
        image = np.full((64, 96, 3), shade, np.uint8)
        image[:, :16], image[0, 0] = 250, number
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG")
        files.append(("files", (f"{number}.PNG", buffer.getvalue())))
    return files


def test_a_preview_shows_what_the_same_upload_becomes_and_keeps_nothing(client: TestClient, home: Path) -> None:
    fields = {"name": "mine", "crop": "start", "stride": "2", "split": "16"}
    shown = client.post(f"{API}/datasets/preview", data=fields, files=pictures(30)).json()
    assert (shown["lengths"], shown["known_as"]) == ([16], None)
    assert {key: shown["settings"][key] for key in ("crop", "stride", "split", "fps")} == {
        "crop": "start",
        "stride": 2,
        "split": 16,
        "fps": None,
    }
    sheet = Image.open(io.BytesIO(base64.b64decode(shown["sheet"].partition(",")[2])))
    assert sheet.size == (12 * 64, 64) and sheet.convert("RGB").getpixel((6, 32))[0] > 200
    assert not list((home / "uploads").glob("*")) and not list((home / "datasets").glob("clips-*"))
    made = client.post(f"{API}/datasets", data=fields, files=pictures(30))
    assert made.status_code == 201
    for key in ("lengths", "settings", "warnings", "kind", "name"):
        assert made.json()[key] == shown[key]
    again = client.post(f"{API}/datasets/preview", data=fields, files=pictures(30)).json()
    assert again["known_as"] == made.json()["id"]
    other = client.post(f"{API}/datasets", data={**fields, "crop": "end"}, files=pictures(30))
    assert (other.status_code, other.json()["id"]) == (201, other.json()["id"]) and other.json()["id"] != made.json()[
        "id"
    ]


WRONG = ["crop=middle", "fps=0", "fps=nan", "fps=1e3", "fps=-3", "split=5", "split=-1", "stride=101"]


@pytest.mark.parametrize("given", WRONG)
@pytest.mark.parametrize("place", ["datasets", "datasets/preview"])
def test_an_option_that_cannot_be_is_refused_by_its_field(client: TestClient, place: str, given: str) -> None:
    field, _, value = given.partition("=")
    answer = client.post(f"{API}/{place}", data={field: value}, files=[("files", ("a.npz", episode(1)))])
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"/{field}" and answer.json()["remedy"]


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Imports that wait a moment; returns how many have begun."""
    begun: list[int] = []

    def slowly(*arguments: Any, **options: Any) -> Any:
        begun.append(1)
        time.sleep(0.5)
        return import_clips(*arguments, **options)

    monkeypatch.setattr(routes, "import_clips", slowly)
    return begun


def read(client: TestClient, id: str) -> Any:
    """The answer for an import once it is read."""
    while (answer := client.get(f"{API}/imports/{id}", headers={"Prefer": "respond-async, wait=5"})).status_code == 202:
        time.sleep(0.05)
    return answer


def test_an_upload_that_takes_long_is_answered_at_once_and_asked_after(
    client: TestClient, home: Path, slow: list[int]
) -> None:
    headers = {"Prefer": "respond-async"}
    sent = [
        client.post(f"{API}/datasets", files=[("files", ("long.npz", episode(2)))], headers=headers) for _ in range(2)
    ]
    assert [answer.status_code for answer in sent] == [202, 202]
    assert sent[0].headers["Location"] == f"{API}/imports/{sent[0].json()['id']}" == sent[1].json()["url"]
    made = read(client, sent[0].json()["id"])
    assert (made.status_code, made.json()["frames"]) == (200, 60)
    assert len(slow) == 1  # the second joined the first
    assert not list((home / "uploads").glob("*"))
    assert client.get(f"{API}/imports/nothing").status_code == 404


def test_equal_uploads_at_once_are_read_once(client: TestClient, slow: list[int]) -> None:
    answers = []

    def send() -> None:
        answers.append(client.post(f"{API}/datasets", files=[("files", ("twice.npz", episode(3)))]))

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.json()["id"] for answer in answers} == {answers[0].json()["id"]} and len(slow) == 1


def test_what_an_upload_is_refused_for_is_told_later_too(client: TestClient) -> None:
    sent = client.post(
        f"{API}/datasets", files=[("files", ("text.mp4", b"no film\n"))], headers={"Prefer": "respond-async"}
    )
    refused = read(client, sent.json()["id"]) if sent.status_code == 202 else sent
    assert refused.status_code == 422 and "text.mp4" in refused.json()["detail"]


def test_an_uploaded_data_set_is_deleted_but_not_under_a_run(client: TestClient, home: Path) -> None:
    files = [("files", (f"{n}.npz", episode(n))) for n in range(4, 10)]
    made = client.post(f"{API}/datasets", data={"name": "used"}, files=files).json()
    order = {"stage": "pretrain", "preset": "tiny", "settings": {"dataset": made["id"]}}
    run = client.post(f"{API}/runs", json=order).json()
    refused = client.delete(f"{API}/datasets/{made['id']}")
    assert refused.status_code == 409 and run["id"] in refused.json()["detail"]
    assert client.post(f"{API}/runs/{run['id']}/cancel").status_code < 300
    assert client.delete(f"{API}/datasets/{made['id']}").status_code == 204
    assert client.get(f"{API}/datasets/{made['id']}").status_code == 404
    assert not (home / "datasets" / made["id"]).exists()


def test_a_picture_is_deleted(client: TestClient) -> None:
    made = client.post(f"{API}/pictures", files=[pictures(60, 1)[0]]).json()
    assert client.get(made["url"]).status_code == 200
    assert client.delete(made["url"]).status_code == 204
    assert client.delete(made["url"]).status_code == 404
    assert client.get(made["url"]).status_code == 404


@pytest.mark.parametrize(
    ("lengths", "settings", "says"),
    [
        ((60,), {}, "at least 2 are needed"),
        ((20, 20, 80), {"length": 50, "held_out": 1}, "longest episode to train on (20 frames); the last 1 of 3"),
    ],
)
def test_a_data_set_that_cannot_be_trained_on_is_refused_before_it_waits(
    client: TestClient, lengths: tuple[int, ...], settings: dict[str, int], says: str
) -> None:
    files = [("files", (f"{n}.npz", episode(20 + n, frames))) for n, frames in enumerate(lengths)]
    made = client.post(f"{API}/datasets", files=files).json()
    order = {"stage": "pretrain", "preset": "tiny", "settings": {"dataset": made["id"], **settings}}
    refused = client.post(f"{API}/runs", json=order)
    assert refused.status_code == 422 and says in refused.json()["detail"]
