"""A run's metrics on an MLflow server: complete, each once, and without what must not leave."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.pipeline.report import Reporter
from backend.runs.tracking.mlflow_run import MlflowRun
from backend.runs.tracking.sender import Sender
from backend.runs.tracking.tracker import NotSent
from tests.support.mlflow import Server, running_mlflow
from tests.support.tracked import begin_run, report


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TRACKING_TOKEN", "TRACKING_USERNAME", "TRACKING_PASSWORD", "EXPERIMENT_NAME"):
        monkeypatch.delenv(f"MLFLOW_{name}", raising=False)


@pytest.fixture(scope="module")
def started() -> Iterator[Server]:
    with running_mlflow() as server:
        yield server


@pytest.fixture
def server(started: Server) -> Server:
    """With nothing in it."""
    started.__init__(url=started.url)  # type: ignore[misc] # every field as at the start
    return started


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    begin_run(tmp_path / "20261128-run")
    return tmp_path / "20261128-run"


def sender(folder: Path, server: Server) -> Sender:
    return Sender(folder, f"mlflow:{server.url}")


def test_every_value_arrives_at_its_step_with_settings_counters_and_result(folder: Path, server: Server) -> None:
    report(folder, "pretrain", 50, loss=4.0)
    report(folder, "finetune", 10, 200, loss=2.0, **{"cos(angle)": 0.5})
    sending = sender(folder, server)
    sending.advance()
    run = server.run
    assert server.experiments == {"1": "diswm"}
    assert (run.info["run_name"], run.info["status"], run.tags["diswm.run"]) == ("a run", "RUNNING", folder.name)
    assert run.curve("pretrain/loss") == [(50, 4.0)], "an update is its step where there are no agent steps"
    assert run.curve("finetune/loss") == [(200, 2.0)]
    assert run.curve("finetune/updates") == [(200, 10)] and run.curve("finetune/environment_steps") == [(200, 400)]
    assert run.curve("finetune/cos_angle_") == [(200, 0.5)], "MLflow allows no brackets"
    assert {point["timestamp"] for point in run.metrics} == {1_050_000, 1_010_000}
    expected = {"latents": "20", "learning_rate": "3e-05", "collect.environment": "reacher-easy"}
    assert run.params == {"stage": "finetune", "seed": "7", **expected}
    (folder / "result.json").write_text(json.dumps({"run": folder.name, "checkpoint": "c1", "metrics": {"loss": 2.0}}))
    sending.end()
    assert run.info["status"] == "FINISHED" and run.info["end_time"] >= run.info["start_time"]
    assert (run.tags["result.checkpoint"], run.tags["result.metrics.loss"]) == ("c1", "2.0")


def test_a_resumed_run_goes_on_with_the_same_run_and_sends_no_point_twice(folder: Path, server: Server) -> None:
    for updates in (10, 20, 30):
        report(folder, "pretrain", updates, loss=updates)
    first = sender(folder, server)
    first.end()
    assert server.run.info["status"] == "KILLED", "it stopped without a result"
    begin_run(folder, latents=24)
    Reporter(folder, quiet=True).cut_metrics("pretrain", 20)
    for updates in (30, 40):
        report(folder, "pretrain", updates, loss=updates)
    second = sender(folder, server)
    second.advance()
    assert server.run.info["status"] == "RUNNING"
    assert server.run.curve("pretrain/loss") == [(10, 10), (20, 20), (30, 30), (40, 40)]
    assert (server.run.params["latents"], server.run.tags["changed.latents"]) == ("20", "24"), "a param cannot change"
    (folder / "error.json").write_text('{"type": "diverged", "message": "loss is NaN", "hint": ""}')
    second.end()
    assert (server.run.info["status"], server.run.tags["error.type"]) == ("FAILED", "diverged")


def test_lines_whose_answer_was_lost_are_not_sent_again(folder: Path, server: Server) -> None:
    report(folder, "pretrain", 10, loss=1.0)
    server.loses_answers = 1
    sending = sender(folder, server)
    with pytest.raises(NotSent, match="answers 500: the answer is lost"):
        sending.advance()
    report(folder, "pretrain", 20, loss=2.0)
    sending.advance()
    assert server.run.curve("pretrain/loss") == [(10, 1.0), (20, 2.0)]


def test_a_folder_that_forgot_what_it_sent_asks_the_server(folder: Path, server: Server) -> None:
    report(folder, "pretrain", 10, loss=1.0)
    sending = sender(folder, server)
    sending.advance()
    sent = json.loads((folder / "tracker.json").read_text())
    sent[f"mlflow:{server.url}"]["positions"] = {}
    (folder / "tracker.json").write_text(json.dumps(sent))
    sender(folder, server).advance()
    assert server.run.curve("pretrain/loss") == [(10, 1.0)]


def test_a_server_that_is_away_gets_everything_when_it_is_back(folder: Path, server: Server) -> None:
    sending = sender(folder, server)
    server.away = True
    for updates in range(1, 400):
        report(folder, "pretrain", updates, loss=updates, image=1.0)
    with pytest.raises(NotSent, match=r"answers 502: Bad Gateway$"):
        sending.advance()
    server.away = False
    sending.advance()
    assert server.run.curve("pretrain/loss") == [(updates, updates) for updates in range(1, 400)]
    assert sending.sent == 399 and sending.left == 0


def test_before_a_run_has_begun_nothing_is_made(tmp_path: Path, server: Server) -> None:
    sender(tmp_path, server).end()
    assert not server.runs and not (tmp_path / "tracker.json").exists()


def test_many_settings_and_values_go_in_portions_that_the_server_takes(folder: Path, server: Server) -> None:
    begin_run(folder, **{f"setting{number}": number for number in range(250)})
    report(folder, "pretrain", 1, **{f"value{number}": float(number) for number in range(1500)})
    sender(folder, server).advance()
    assert len(server.run.params) == 255 and len(server.run.metrics) == 1503


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"TOKEN": "s3cret"}, "Bearer s3cret"),
        ({"USERNAME": "me", "PASSWORD": "s3cret"}, f"Basic {base64.b64encode(b'me:s3cret').decode()}"),
        ({}, None),
    ],
)
def test_credentials_are_sent_as_mlflows_own_client_does(
    folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], sent: str | None
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"MLFLOW_TRACKING_{name}", value)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "of ours / 2")
    sender(folder, server).advance()
    assert set(server.seen) == {sent}
    assert server.experiments == {"1": "of ours / 2"}
    written = "".join(path.read_text() for path in folder.iterdir())
    assert "s3cret" not in written


def test_a_redirect_is_refused_so_that_credentials_go_nowhere_else(
    folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "s3cret")
    with running_mlflow() as other:
        server.redirects_to = other.url
        with pytest.raises(NotSent, match="answers 307") as refused:
            sender(folder, server).advance()
        assert other.seen == [] and "s3cret" not in str(refused.value)


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "http://no.such.host.invalid"])
def test_no_server_at_all_is_a_sentence(address: str) -> None:
    with pytest.raises(NotSent, match=f"^{address} does not answer as MLflow does"):
        MlflowRun(address).check()
