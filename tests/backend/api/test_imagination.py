"""Dimensions held over time, by hand, over training and against the simulator, over HTTP."""

import base64
import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

WORLD, VIDEO = "/api/v1/checkpoints/tiny-world", "/api/v1/checkpoints/tiny-video"


@pytest.fixture(scope="module")
def run(home: Path) -> str:
    """A pipeline's folder with two checkpoints of pretraining and two of fine-tuning."""
    for stage, name, updates in (
        ("pretrain", "tiny-video", (40, 80)),
        ("finetune", "tiny-world", (100, 200)),
    ):
        for update in updates:
            target = home / "runs" / "run-tiny" / stage / "checkpoints" / f"update-{update:09d}"
            shutil.copytree(home / "checkpoints" / name, target)
    return "run-tiny"


def picture(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))


def test_a_temporal_traversal_has_a_row_a_dimension_and_a_column_a_step(client: TestClient) -> None:
    query = {"context": 3, "horizon": 5, "dims": "2,0", "step": 4, "together": "true"}
    view = client.get(f"{WORLD}/temporal", params=query).json()
    assert [row["title"] for row in view["rows"]] == ["untouched", "dim 2", "dim 0", "all together"]
    assert picture(view["frames"]).shape == (4 * 64, 8 * 64, 3)
    assert view["since"] == 4
    assert {chart["title"] for chart in view["curves"]} == {"Change in grey levels", "Predicted reward", "Value"}


@pytest.mark.parametrize(
    ("format", "start"), [("gif", b"GIF89a"), ("png", b"\x89PNG"), ("npz", b"PK"), ("csv", b"\xef\xbb\xbfstep")]
)
def test_a_temporal_traversal_comes_as_a_file_with_a_telling_name(
    client: TestClient, format: str, start: bytes
) -> None:
    answer = client.get(f"{VIDEO}/temporal", params={"context": 3, "horizon": 4, "dims": "2", "format": format})
    assert answer.content.startswith(start)
    name = f'filename="diswm_reacher-easy_tiny-video-s0_hold-dim02_p2sd_from3-ep0.{format}"'
    assert name in answer.headers["content-disposition"]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("dims=6", "query:dims"),
        ("dims=1,1", "query:dims"),
        ("dims=-1", "query:dims"),
        ("dims=1.5", "query:dims"),
        ("sigmas=NaN", "query:sigmas"),
        ("sigmas=99", "query:sigmas"),
        ("step=30", "query:step"),
        ("hold=9:1", "query:hold"),
        ("hold=1:nan", "query:hold"),
        ("horizon=0", "query:horizon"),
        ("horizon=1000000", "query:horizon"),
        ("together=yes", "query:together"),
        ("dmis=1", "query:dmis"),
    ],
)
def test_a_wrong_temporal_query_is_422_and_says_where(client: TestClient, query: str, pointer: str) -> None:
    answer = client.get(f"{VIDEO}/temporal?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert answer.json()["remedy"]


def test_the_history_of_a_run_is_in_the_order_of_training_and_each_can_be_looked_at(
    client: TestClient, run: str
) -> None:
    found = client.get(f"/api/v1/checkpoints/{run}/history").json()["items"]
    ids = [item["id"] for item in found]
    assert ids == [f"{run}-pretrain.update-000000040", f"{run}-pretrain", f"{run}.update-000000100", run]
    assert {item["run"] for item in found} == {run}
    for id in ids:
        assert client.get(f"/api/v1/checkpoints/{id}").json()["id"] == id
        assert client.get(f"/api/v1/checkpoints/{id}/history").json()["items"] == found
    assert [item["id"] for item in client.get(f"{VIDEO}/history").json()["items"]] == ["tiny-video"]


@pytest.mark.parametrize(
    "id", ["run-tiny.update-", "run-tiny.update-7", "..update-000000100", "run-tiny.update-..", ".update-1"]
)
def test_a_checkpoint_that_a_run_did_not_write_is_404(client: TestClient, run: str, id: str) -> None:
    assert run == "run-tiny"
    assert client.get(f"/api/v1/checkpoints/{id}").status_code == 404


def test_rollouts_over_training_have_a_row_a_checkpoint(client: TestClient, run: str) -> None:
    query = {"context": 3, "horizon": 4}
    view = client.get(f"/api/v1/checkpoints/{run}/rollouts", params=query).json()
    assert len(view["rows"]) == 5  # the truth, and the four checkpoints of the run
    assert picture(view["frames"]).shape == (5 * 64, 7 * 64, 3)
    two = client.get(f"{WORLD}/rollouts", params={**query, "with": "tiny-video"}).json()
    assert two["checkpoints"] == ["tiny-world", "tiny-video"]
    psnr = client.get(f"{WORLD}/rollout", params=query).json()["psnr"]
    assert two["curves"][0]["lines"][0]["values"] == psnr


@pytest.mark.parametrize(
    ("query", "status", "pointer"),
    [
        ("with=tiny-vdeo", 422, "query:with"),
        ("with=" + "tiny-video," * 13, 422, "query:with"),
        ("with=tiny-video&actions=policy", 409, "query:actions"),
        ("with=tiny-video&horizon=0", 422, "query:horizon"),
    ],
)
def test_rollouts_that_cannot_be_made_say_why(client: TestClient, query: str, status: int, pointer: str) -> None:
    answer = client.get(f"{WORLD}/rollouts?{query}")
    assert answer.status_code == status
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_what_training_carried_over_is_followed_from_the_video_model_on(client: TestClient, run: str) -> None:
    table = client.get(f"/api/v1/checkpoints/{run}/carried").json()
    assert table["reference"]["id"] == f"{run}-pretrain"
    assert [entry["id"] for entry in table["checkpoints"]] == [f"{run}.update-000000100", run]
    assert all(len(row["correlation"]) == 2 for row in table["dimensions"])
    itself = client.get(f"{VIDEO}/carried", params={"reference": "tiny-video"}).json()
    assert [row["match"][0] for row in itself["dimensions"]] == [row["dim"] for row in itself["dimensions"]]
    assert all(row["correlation"][0] == pytest.approx(1, abs=1e-3) for row in itself["dimensions"])
    answer = client.get(f"{VIDEO}/carried", params={"reference": "nobody"})
    assert answer.json()["errors"][0]["pointer"] == "query:reference"
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("", "query:factor"),
        ("factor=light", "query:factor"),  # these frames come from no simulator
        ("factor=light&to=NaN", "query:to"),
        ("factor=light&horizon=1.5", "query:horizon"),
        ("factor=..%2Fetc", "query:factor"),
    ],
)
def test_a_wrong_counterfactual_is_422_and_says_where(client: TestClient, query: str, pointer: str) -> None:
    answer = client.get(f"{WORLD}/counterfactual?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_the_shipped_checkpoint_answers_a_counterfactual_against_its_simulator(client: TestClient) -> None:
    query = {"factor": "background_colour", "horizon": 3, "context": 3}
    address = "/api/v1/checkpoints/finger-episode-factors/counterfactual"
    view = client.get(address, params=query)
    assert view.status_code == 200, view.text
    assert len(view.json()["rows"]) == 6
    assert view.json()["since"] == 3
    assert client.get(address, params=query).headers["etag"] == view.headers["etag"]
