"""`diswm track`, and a tracker that cannot be used."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from backend.__main__ import build_app
from backend.runs.tracking.sender import sending
from backend.settings import get_settings
from tests.support.mlflow import Server, running_mlflow
from tests.support.tracked import begin_run, report


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("DISWM_HOME", str(tmp_path))
    with running_mlflow() as server:
        use(monkeypatch, f"mlflow:{server.url}")
        yield server
    get_settings.cache_clear()


def use(monkeypatch: pytest.MonkeyPatch, tracker: str) -> None:
    monkeypatch.setenv("DISWM_TRACKER", tracker)
    get_settings.cache_clear()


def track(*words: str) -> Result:
    return CliRunner().invoke(build_app(), ["track", *words])


def test_what_is_left_of_every_run_is_sent_once(tmp_path: Path, server: Server) -> None:
    for name in ("run-a", "run-b"):
        begin_run(tmp_path / "runs" / name)
        report(tmp_path / "runs" / name, "pretrain", 10, loss=1.0)
    sent = track("run-a")
    assert (sent.exit_code, sent.stderr) == (0, "diswm: run-a: 1 lines sent\n")
    assert server.run.curve("pretrain/loss") == [(10, 1.0)]
    every = track("--json")
    told = json.loads(every.stdout)
    assert told["runs"] == [{"run": "run-a", "lines": 0}, {"run": "run-b", "lines": 1}]
    assert "run-a: everything was there" in every.stderr
    assert [run.curve("pretrain/loss") for run in server.runs.values()] == [[(10, 1.0)]] * 2
    report(tmp_path / "runs" / "run-b", "pretrain", 20, loss=1.0)
    assert "run-b: 1 lines sent" in track(str(tmp_path / "runs" / "run-b")).stderr, "also by its folder"


def test_a_run_that_is_being_sent_or_a_server_that_is_away_is_a_sentence(tmp_path: Path, server: Server) -> None:
    begin_run(tmp_path / "runs" / "run-a")
    with sending(tmp_path / "runs" / "run-a", wait=False):
        busy = track("run-a")
    assert busy.exit_code == 1 and "is sending it" in busy.stderr
    server.away = True
    away = track("run-a")
    assert away.exit_code == 1 and f"run-a: {server.url} answers 502" in away.stderr


def test_without_a_tracker_or_a_run_there_is_nothing_to_do(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    none = track("run-z")
    assert none.exit_code == 2 and "there is no run run-z" in none.stderr and not server.runs
    use(monkeypatch, "")
    unset = track()
    assert unset.exit_code == 2 and "DISWM_TRACKER" in unset.stderr


@pytest.mark.parametrize("command", ["app", "worker", "pretrain", "track"])
def test_a_tracker_without_its_package_is_refused_at_the_start(
    server: Server, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    del server
    use(monkeypatch, "wandb")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    refused = CliRunner().invoke(build_app(), [command])
    assert refused.exit_code == 78
    said = "DISWM_TRACKER=wandb needs the package wandb: pip install 'diswm-studio[wandb]', or unset it"
    assert refused.stderr == f"diswm: {said}\n"


def test_a_wrong_setting_is_refused_without_showing_its_password(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, f"mlflow:http://me:s3cret@{server.url.removeprefix('http://')}?key=s3cret")
    refused = CliRunner().invoke(build_app(), ["worker"])
    assert refused.exit_code == 78
    assert "DISWM_TRACKER" in refused.stderr and "MLFLOW_TRACKING_PASSWORD" in refused.stderr
    assert "s3cret" not in refused.stderr and len(refused.stderr.splitlines()) == 1
