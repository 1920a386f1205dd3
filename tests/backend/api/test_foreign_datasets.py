"""Data sets of other projects over HTTP: a file, or a zip of the folder."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from tests.support import foreign
from tests.support.foreign import LENGTHS, lived
from tests.support.foreign_lerobot import write_lerobot

BASE = "/api/v1/datasets"


def packed(folder: Path) -> bytes:
    """A zip of a folder that contains the folder's own name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in folder.rglob("*"):
            archive.write(file, file.relative_to(folder.parent))
    return buffer.getvalue()


def test_a_zip_of_a_lerobot_folder_becomes_a_data_set(client: TestClient, tmp_path: Path) -> None:
    content = packed(write_lerobot(tmp_path / "arm", lived(), film=False))
    preview = client.post(f"{BASE}/preview", files=[("files", ("arm.zip", content))])
    assert preview.status_code == 200, preview.text
    assert preview.json()["lengths"] == [6, 3, 4] and preview.json()["sheet"].startswith("data:image/webp")
    answer = client.post(BASE, data={"name": "arm"}, files=[("files", ("arm.zip", content))])
    made = answer.json()
    assert answer.status_code == 201, answer.text
    assert (made["kind"], made["lengths"], made["action_size"]) == ("published", [6, 3, 4], 2)
    assert made["factor_names"] == ["arm", "wrist"] and not made["guessed_factors"]
    assert made["settings"]["format"] == "lerobot-v3"
    assert "crop" not in made["settings"], "the page takes this for the settings of films"
    assert "no frame counts as terminal" in made["warnings"][0]
    assert made["id"] in [item["id"] for item in client.get(BASE).json()["items"]]
    frame = client.get(f"{BASE}/{made['id']}/frames/7?format=png")
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(frame.content))), lived()[1].image[1])


def test_an_hdf5_file_becomes_a_data_set_with_its_format_said_by_hand(client: TestClient, tmp_path: Path) -> None:
    content = foreign.write_vd4rl(tmp_path / "a.hdf5", lived()).read_bytes()
    answer = client.post(BASE, data={"format": "vd4rl"}, files=[("files", ("a.hdf5", content))])
    assert answer.status_code == 201, answer.text
    assert answer.json()["lengths"] == list(LENGTHS) and answer.json()["settings"]["format"] == "vd4rl"


@pytest.mark.parametrize("format", ["vd4rI", "lerobot-v3"])
def test_a_format_that_is_not_there_or_does_not_fit_is_refused(client: TestClient, tmp_path: Path, format: str) -> None:
    content = foreign.write_vd4rl(tmp_path / "b.hdf5", lived((4, 4, 4))).read_bytes()
    answer = client.post(BASE, data={"format": format}, files=[("files", ("b.hdf5", content))])
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_damage_is_a_problem_and_leaves_nothing_behind(client: TestClient, home: Path, tmp_path: Path) -> None:
    before = {path.name for path in (home / "datasets").glob("*")}
    whole = foreign.write_stable_hdf5(tmp_path / "c.h5", lived()).read_bytes()
    folder = write_lerobot(tmp_path / "cut", lived((5, 5)), film=False)
    (folder / "data" / "chunk-000" / "file-000.parquet").unlink()
    for name, content in (("c.h5", whole[: len(whole) // 2]), ("cut.zip", packed(folder))):
        answer = client.post(BASE, files=[("files", (name, content))])
        assert answer.status_code == 422, answer.text
        assert name in answer.json()["detail"]
    assert {path.name for path in (home / "datasets").glob("*")} == before
    assert not list((home / "uploads").glob("*"))
