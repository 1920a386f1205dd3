"""Views that start from a frame of a data set or from an uploaded picture, over HTTP."""

import base64
import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from backend.data.clip import Clip
from backend.data.episodes import frames_only, write_episode

BASE = "/api/v1/checkpoints/tiny-world"


@pytest.fixture(scope="module", autouse=True)
def dataset(home: Path, moving_squares: Clip) -> str:
    """Two episodes, of 9 and 5 frames, with actions of the model's size."""
    folder = home / "datasets" / "squares"
    folder.mkdir(parents=True)
    for number, length in enumerate((9, 5)):
        episode = frames_only(moving_squares.image[number, :length])
        write_episode(folder / f"{number}.npz", episode._replace(action=moving_squares.action[number, :length]))
    return "squares"


def pixels(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))


def png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def upload(client: TestClient, *images: np.ndarray) -> dict[str, object]:
    answer = client.post("/api/v1/pictures", files=[("files", ("mine.png", png(image))) for image in images])
    assert answer.status_code in (200, 201), answer.text
    found: dict[str, object] = answer.json()
    return found


def view(client: TestClient, **query: object) -> dict[str, object]:
    answer = client.get(f"{BASE}/traversal", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


def test_a_frame_of_a_data_set_with_its_history_is_the_same_base_as_in_the_clip(client: TestClient) -> None:
    there = view(client, base="dataset", source="squares", episode=1, frame=4, dims="2,0")
    here = view(client, episode=1, frame=4, dims="2,0")
    assert there["image"] == here["image"]
    assert there["original"] == here["original"]
    assert there["file_name"] == "diswm_reacher-easy_tiny-world-s0_dim02-dim00_pm2sd_squares-ep1-frame4.gif"


def test_without_history_the_data_set_s_frame_stands_alone(client: TestClient) -> None:
    query = {"base": "dataset", "source": "squares", "episode": 0, "frame": 8}
    alone = view(client, **query, history="false")
    assert view(client, **query)["image"] != alone["image"]
    assert alone["image"] == view(client, frame=8, history="false")["image"]


def test_a_picture_of_one_s_own_is_the_base(client: TestClient, moving_squares: Clip) -> None:
    image = moving_squares.image[2, 3]
    sent = upload(client, image)
    assert sent["frames"] == 1
    found = view(client, base="picture", source=sent["id"], dims="1")
    assert np.array_equal(pixels(found["original"]), image)
    assert found["image"] == view(client, episode=2, frame=3, history="false", dims="1")["image"]
    assert str(sent["id"])[:8] in str(found["file_name"])
    shown = client.get(str(sent["url"]))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(shown.content))), image)


def test_the_pictures_before_the_last_are_its_history(client: TestClient, moving_squares: Clip) -> None:
    seen = upload(client, *moving_squares.image[0, :4])
    together = view(client, base="picture", source=seen["id"], dims="all")
    assert np.array_equal(pixels(together["original"]), moving_squares.image[0, 3])
    alone = view(client, base="picture", source=upload(client, moving_squares.image[0, 3])["id"], dims="all")
    assert np.allclose(together["reference"], alone["reference"], atol=1e-4)
    assert together["reconstruction"] != alone["reconstruction"]
    assert together["reconstruction"] != view(client, base="picture", source=seen["id"], history="false")["image"]


def test_the_same_picture_again_has_the_same_id(client: TestClient) -> None:
    image = np.random.default_rng(5).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    files = [("files", ("mine.png", png(image)))]
    first, again = (client.post("/api/v1/pictures", files=files) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n" + bytes(30), b"PK\x03\x04"])
def test_what_is_no_picture_is_422_with_a_remedy_and_nothing_is_kept(
    client: TestClient, home: Path, content: bytes
) -> None:
    stored = sorted((home / "pictures").glob("*"))
    answer = client.post("/api/v1/pictures", files=[("files", ("mine.png", content))])
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["type"] == "/problems/picture-refused"
    assert problem["detail"].startswith("mine.png: ")
    assert problem["errors"][0]["pointer"] == "/files"
    assert sorted((home / "pictures").glob("*")) == stored


@pytest.mark.parametrize(
    ("query", "pointer", "says"),
    [
        ({"base": "dataset"}, "query:source", "squares"),
        ({"base": "dataset", "source": "nobody"}, "query:source", "no data set 'nobody'"),
        ({"base": "dataset", "source": "../checkpoints"}, "query:source", "no data set"),
        ({"base": "dataset", "source": "squares", "episode": 2}, "query:episode", "0 to 1"),
        ({"base": "dataset", "source": "squares", "episode": 1, "frame": 5}, "query:frame", "0 to 4"),
        ({"base": "picture"}, "query:source", "no picture"),
        ({"base": "picture", "source": "0" * 32}, "query:source", "upload it again"),
        ({"base": "picture", "source": "../../etc/passwd"}, "query:source", "no picture"),
        ({"base": "clip", "source": "squares"}, "query:source", "the base is clip"),
    ],
)
@pytest.mark.parametrize("kind", ["traversal", "atlas"])
def test_a_base_that_is_not_there_is_422(
    client: TestClient, kind: str, query: dict[str, object], pointer: str, says: str
) -> None:
    answer = client.get(f"{BASE}/{kind}", params=query)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert says in answer.json()["errors"][0]["detail"]


def test_a_picture_that_is_not_there_is_404(client: TestClient) -> None:
    assert client.get(f"/api/v1/pictures/{'0' * 32}").status_code == 404
    assert client.get("/api/v1/pictures/..%2f..%2fetc").status_code == 404


@pytest.mark.parametrize("format", ["png", "gif", "npz"])
def test_files_from_such_a_base_reopen_their_view_and_are_made_again_by_an_export(
    client: TestClient, moving_squares: Clip, format: str
) -> None:
    id = upload(client, moving_squares.image[1, 1])["id"]
    made = client.get(f"{BASE}/traversal", params={"base": "picture", "source": id, "dims": "3", "format": format})
    opened = client.post("/api/v1/views", files={"file": ("dropped", made.content)}).json()
    assert (opened["view"]["base"], opened["view"]["source"]) == ("picture", id)
    body = {"checkpoint": "tiny-world", "kind": "traversal", "format": format, "view": opened["view"]}
    export = client.post("/api/v1/exports", json=body)
    assert export.status_code in (200, 201), export.text
    assert client.get(export.json()["url"]).content == made.content


def test_an_export_of_a_data_set_that_is_gone_points_into_the_body(client: TestClient, home: Path) -> None:
    shutil.copytree(home / "datasets" / "squares", home / "datasets" / "passing")
    body = {"checkpoint": "tiny-world", "format": "png", "view": {"base": "dataset", "source": "passing", "frame": 2}}
    assert client.post("/api/v1/exports", json=body).status_code == 201
    shutil.rmtree(home / "datasets" / "passing")
    body["view"] = {**body["view"], "frame": 3}  # type: ignore[dict-item]  # one body of mixed values
    answer = client.post("/api/v1/exports", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/view/source"
