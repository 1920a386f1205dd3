"""A kind of view registered by a test: with one catalogue entry it is in API, files, exports, schema and shell."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from backend.__main__ import build_app
from backend.main import create_app
from backend.settings import Settings
from backend.views import catalogue, jobs
from backend.views.catalogue import KINDS
from tests.support.toy_view import BRIGHTNESS

CKPT = "/api/v1/checkpoints/tiny-video"


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "brightness", BRIGHTNESS)  # type: ignore[misc]  # a mapping that is not to be changed
    monkeypatch.setattr(jobs, "EXPORT_KINDS", (*catalogue.EXPORT_KINDS, "brightness"))


@pytest.fixture
def home(tiny_checkpoint_home: Path, tmp_path: Path) -> Path:
    shutil.copytree(tiny_checkpoint_home, tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def client(home: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(home=home)), base_url="http://127.0.0.1:8000") as opened:
        yield opened


def test_the_api_answers_it_as_json_as_a_file_and_as_an_export(client: TestClient) -> None:
    means = client.get(f"{CKPT}/brightness", params={"episode": 1}).json()["brightness"]
    assert len(means) == 24
    file = client.get(f"{CKPT}/brightness", params={"episode": 1, "format": "csv"})
    assert file.text.split("\n") == [str(mean) for mean in means]
    body = {"checkpoint": "tiny-video", "kind": "brightness", "format": "csv", "view": {"episode": 1}}
    made = client.post("/api/v1/exports", json=body)
    assert made.status_code == 201, made.text
    assert client.get(made.json()["url"]).content == file.content
    schema = client.get("/api/v1/schemas/views/brightness").json()
    assert set(schema["properties"]) == {"episode"} and schema["x-command"] == "brightness"


def test_a_wrong_field_is_refused_by_name(client: TestClient) -> None:
    for episode, status in (("3", 422), ("x", 422), ("2", 200)):
        assert client.get(f"{CKPT}/brightness", params={"episode": episode}).status_code == status
    refused = client.get(f"{CKPT}/brightness", params={"episodes": 1}).json()
    assert refused["errors"][0]["suggestion"] == "episode"


def test_the_shell_has_a_command_with_its_fields(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISWM_HOME", str(home))
    out = tmp_path / "made.csv"
    command = ["brightness", "tiny-video", "--episode", "1", "--json", "--out", str(out)]
    result = CliRunner().invoke(build_app(), command)
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert told["kind"] == "brightness" and told["request"] == {"episode": 1}
    assert len(out.read_text().split("\n")) == 24
