"""`diswm temporal`, `rollouts`, `counterfactual`, `sensitivity`, `carried`: the API's files, and refusals."""

import hashlib
import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from fastapi.testclient import TestClient

from backend.main import create_app
from backend.settings import Settings
from backend.views.catalogue import KINDS
from backend.views.params import view_schema
from frontend.client import Client, as_text
from frontend.commands import view as command_of
from frontend.state import Counterfactual

Diswm = Callable[..., Result]


@pytest.fixture(scope="module")
def home(home: Path) -> Path:
    """The home, and in it a run that left two checkpoints."""
    for update in (100, 200):
        folder = home / "runs" / "run-tiny" / "checkpoints" / f"update-{update:09d}"
        shutil.copytree(home / "checkpoints" / "tiny-world", folder)
    return home


def test_the_files_are_those_of_the_api(diswm: Diswm, home: Path, tmp_path: Path) -> None:
    stretch = {"context": 3, "horizon": 4}
    options = [word for name, value in stretch.items() for word in (f"--{name}", value)]
    with TestClient(create_app(Settings(home=home)), base_url="http://127.0.0.1:8000") as client:
        for words, path, query in (
            (("temporal", "tiny-world", "--dims", "2,0"), "temporal", {"dims": "2,0"}),
            (("rollouts", "tiny-world", "--with", "tiny-video"), "rollouts", {"with": "tiny-video"}),
        ):
            result = diswm(*words, *options, "--format", "npz", "--json")
            assert result.exit_code == 0, result.output
            file = Path(json.loads(result.stdout)["file"])
            answer = client.get(f"/api/v1/checkpoints/tiny-world/{path}", params={**stretch, **query, "format": "npz"})
            assert (tmp_path / file).read_bytes() == answer.content
            assert file.name in answer.headers["content-disposition"]


def test_tables_of_numbers_are_those_of_the_api(diswm: Diswm, home: Path, tmp_path: Path) -> None:
    with TestClient(create_app(Settings(home=home)), base_url="http://127.0.0.1:8000") as client:
        for words, path, query in (
            (("export", "tiny-world", "--kind", "intervals"), "tiny-world/intervals", {"wait": "true"}),
            (("factors", "tiny-world", "--check"), "tiny-world/interventions", {"wait": "true"}),
            (("leakage", "tiny-world"), "tiny-world/leakage", {}),
            (("invariance", "tiny-world"), "tiny-world/invariance", {}),
            (("sensitivity", "tiny-world"), "tiny-world/sensitivity", {}),
            (("match", "tiny-world", "tiny-video"), "tiny-world/compare", {"other": "tiny-video"}),
            (("carried", "run-tiny", "--reference", "tiny-video"), "run-tiny/carried", {"reference": "tiny-video"}),
        ):
            for format in ("npz", "pdf"):
                result = diswm(*words, "--width", "3.25", "--format", format, "--json")
                assert result.exit_code == 0, result.output
                file = Path(json.loads(result.stdout)["file"])
                given = {**query, "width": "3.25", "format": format}
                answer = client.get(f"/api/v1/checkpoints/{path}", params=given)
                assert (tmp_path / file).read_bytes() == answer.content


def test_the_page_s_file_of_a_counterfactual_is_that_of_its_command_and_of_an_export(
    diswm: Diswm, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Client, "view", lambda _, kind: view_schema(KINDS[kind]))
    view = Counterfactual("finger-episode-factors", "light", to="0.6", dim=3, seed=2, context=2, horizon=3, step=3)
    style = {"fps": 20.0, "upscale": 1, "captions": False}
    result = diswm(*shlex.split(command_of("counterfactual", view.checkpoint, view.api(), "gif", style))[1:], "--json")
    assert result.exit_code == 0, result.output
    file = Path(json.loads(result.stdout)["file"])
    made = (tmp_path / file).read_bytes()
    asked = {name: value for name, value in {**view.api(), **style}.items() if value is not None}
    query = {
        name: as_text(value) for name, value in {**asked, "format": "gif"}.items()
    }  # as the page's button sends it
    with TestClient(create_app(Settings(home=home)), base_url="http://127.0.0.1:8000") as client:
        downloaded = client.get(f"/api/v1/checkpoints/{view.checkpoint}/counterfactual", params=query)
        assert downloaded.content == made
        assert file.name in downloaded.headers["content-disposition"]
        body = {"checkpoint": view.checkpoint, "kind": "counterfactual", "format": "gif", "view": {**asked, "to": 0.6}}
        exported = client.post("/api/v1/exports", json=body)
        assert exported.status_code == 201, exported.text
        assert client.get(exported.json()["url"]).content == made


def test_any_file_is_made_again_in_another_format(diswm: Diswm, tmp_path: Path) -> None:
    for words, file in (
        (("temporal", "--context", 3, "--horizon", 4, "--dims", "2,0"), "held.gif"),
        (("rollouts", "--context", 3, "--horizon", 4, "--with", "tiny-video"), "beside.gif"),
        (("factors", "--check"), "interventions.svg"),
        (("leakage",), "leakage.png"),
        (("match",), "match.svg"),
    ):
        end = ("tiny-video",) if words[0] == "match" else ()
        command = (words[0], "tiny-world", *end, *words[1:])
        assert diswm(*command, "--out", file).exit_code == 0
        again = diswm("export", "tiny-world", "--view", file, "--format", "csv", "--out", "again.csv")
        assert again.exit_code == 0, again.output
        assert diswm(*command, "--format", "csv", "--out", "straight.csv").exit_code == 0
        assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "straight.csv").read_bytes()


def test_the_rest_of_the_run_stands_beside_a_checkpoint_of_it(diswm: Diswm) -> None:
    result = diswm("rollouts", "run-tiny", "--context", 3, "--horizon", 2, "--format", "csv", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["request"]["with"] == ["run-tiny.update-000000100"]


def test_sensitivity_and_what_was_carried_over_are_told(diswm: Diswm) -> None:
    table = json.loads(diswm("sensitivity", "tiny-world", "--json").stdout)
    assert table["outcomes"] == ["reward", "value", "action 0", "action 1"]
    assert "action 1" in diswm("sensitivity", "tiny-world").stdout
    answer = json.loads(diswm("carried", "run-tiny", "--reference", "tiny-video", "--json").stdout)
    assert answer["reference"]["id"] == "tiny-video"
    assert [entry["id"] for entry in answer["checkpoints"]] == ["run-tiny.update-000000100", "run-tiny"]


def test_what_was_carried_over_follows_the_reference_of_the_api(diswm: Diswm, home: Path) -> None:
    settings = home / "runs" / "run-taught" / "checkpoints" / "update-000000100" / "config.json"
    if not settings.parent.exists():
        shutil.copytree(home / "checkpoints" / "tiny-world", settings.parent)
        told = json.loads(settings.read_text()) | {"teacher": "tiny-video"}
        reseal(settings, json.dumps(told).encode())
    with TestClient(create_app(Settings(home=home)), base_url="http://127.0.0.1:8000") as client:
        for checkpoint, reference in (("run-tiny", "run-tiny.update-000000100"), ("run-taught", "tiny-video")):
            told = json.loads(diswm("carried", checkpoint, "--json").stdout)
            assert told["reference"]["id"] == reference
            assert client.get(f"/api/v1/checkpoints/{checkpoint}/carried").json()["reference"]["id"] == reference


def reseal(path: Path, content: bytes) -> None:
    """Writes a file of a checkpoint, and its hash into the manifest."""
    path.write_bytes(content)
    manifest = path.parent / "manifest.json"
    told = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(told | {path.name: hashlib.sha256(content).hexdigest()}))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("temporal", "tiny-world", "--dims", "9", "--horizon", "5"), "there is no dimension 9; take 0 to 5"),
        (("temporal", "tiny-world", "--horizon", "0"), "0 is not a whole number from 1 to 500"),
        (("traverse", "tiny-world", "--edits", "3:1,3:2"), "dimension 3 is edited twice"),
        (("temporal", "tiny-world", "--hold", "1:x"), "is not a finite number"),
        (("rollouts", "tiny-world", "--with", "nobody"), "no checkpoint 'nobody'"),
        (("counterfactual", "tiny-world", "--factor", "light"), "no simulator"),
        (("sensitivity", "tiny-video"), "no reward and no policy"),
        (("carried", "tiny-video", "--reference", "nobody"), "no checkpoint 'nobody'"),
    ],
)
def test_wrong_words_end_with_2_and_a_sentence(diswm: Diswm, words: tuple[str, ...], sentence: str) -> None:
    result = diswm(*words)
    assert result.exit_code == 2
    assert sentence in result.stderr
