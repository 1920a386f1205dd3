"""The process beside a run: a tracker that is away costs the run nothing, and nothing is lost."""

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backend.runs.executor import RunExecutor, Timing
from backend.runs.folders import run_folder
from backend.runs.processes import processes_of_run
from backend.runs.store import RunStore
from backend.runs.table import RunRow
from backend.runs.tracking import beside
from backend.runs.tracking.beside import follow
from backend.runs.tracking.start import sent_beside
from tests.support.mlflow import Server, running_mlflow
from tests.support.tracked import begin_run, report
from tests.support.waiting import until


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "LOOK_S", 0.02)
    monkeypatch.setattr(beside, "PAUSES_S", (0.02,))


@pytest.fixture
def server() -> Iterator[Server]:
    with running_mlflow() as server:
        yield server


class Following:
    """`follow` in a thread, with what it says."""

    def __init__(self, folder: Path, server: Server, end_s: float = 20.0) -> None:
        self.said: list[str] = []
        self.ended = threading.Event()
        given = folder, f"mlflow:{server.url}", self.ended, self.said.append, end_s
        self.thread = threading.Thread(target=follow, args=given)
        self.thread.start()

    def end(self) -> None:
        self.ended.set()
        self.thread.join(20)
        assert not self.thread.is_alive()


def test_lines_go_while_the_run_goes_on_and_an_absence_of_the_server_is_told_once(
    tmp_path: Path, server: Server
) -> None:
    begin_run(tmp_path)
    following = Following(tmp_path, server)
    report(tmp_path, "pretrain", 10, loss=1.0)
    until(lambda: server.runs and server.run.curve("pretrain/loss") == [(10, 1.0)])
    server.away = True
    report(tmp_path, "pretrain", 20, loss=2.0)
    asked = len(server.seen)
    until(lambda: len(server.seen) > asked + 3)
    server.away = False
    report(tmp_path, "pretrain", 30, loss=3.0)
    until(lambda: server.run.curve("pretrain/loss") == [(10, 1.0), (20, 2.0), (30, 3.0)])
    until(lambda: len(following.said) == 2)
    report(tmp_path, "pretrain", 40, loss=4.0)
    following.end()
    assert server.run.curve("pretrain/loss")[-1] == (40, 4.0), "what was written last is sent before the end"
    assert server.run.info["status"] == "KILLED"
    assert following.said == [
        f"Metrics are not sent: {server.url} answers 502: Bad Gateway. The run goes on, and they are sent later.",
        "The tracker answers again and has every metric so far.",
    ]


def test_after_the_end_the_rest_is_tried_for_a_while_and_then_left_to_a_command(tmp_path: Path, server: Server) -> None:
    begin_run(tmp_path)
    for updates in (10, 20):
        report(tmp_path, "pretrain", updates, loss=1.0)
    server.away = True
    following = Following(tmp_path, server, end_s=0.2)
    until(lambda: following.said)
    began = time.monotonic()
    following.end()
    assert time.monotonic() - began < 5
    assert following.said[-1] == f"2 lines of metrics are not sent; diswm track {tmp_path.name} sends them."
    server.away = False
    Following(tmp_path, server).end()  # as the next attempt at the run does
    assert server.run.curve("pretrain/loss") == [(10, 1.0), (20, 1.0)]


def test_a_run_that_is_deleted_meanwhile_is_let_go(tmp_path: Path, server: Server) -> None:
    folder = tmp_path / "run"
    begin_run(folder)
    following = Following(folder, server)
    until(lambda: server.runs)
    folder.rename(tmp_path / "trash")
    (tmp_path / "trash" / "metrics.jsonl").write_text("")
    server.away = True
    following.end()
    assert following.said == []


def test_a_real_process_sends_and_ends_with_its_run(tmp_path: Path, server: Server) -> None:
    begin_run(tmp_path)
    report(tmp_path, "pretrain", 10, loss=1.0)
    with sent_beside(tmp_path, f"mlflow:{server.url}", tmp_path / "log.txt") as sending:
        pass
    assert sending is not None
    sending.wait()
    assert server.run.curve("pretrain/loss") == [(10, 1.0)]
    assert (tmp_path / "log.txt").read_text() == ""


def test_without_a_tracker_there_is_no_process(tmp_path: Path) -> None:
    with sent_beside(tmp_path, None) as sending:
        assert sending is None
    assert list(tmp_path.iterdir()) == []


def test_a_run_of_the_worker_is_sent_and_never_sees_the_credentials(
    store: RunStore, add: Callable[..., RunRow], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    tracker = f"mlflow:{server.url}"
    secrets = {"MLFLOW_TRACKING_TOKEN": "s3cret", "WANDB_API_KEY": "s3cret", "DISWM_TRACKER": tracker}
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    add("run-a", settings={"episodes": 10_000})
    timing = Timing(poll=0.05, heartbeat=0.2, cancel_grace=1.0, stop_grace=1.0)
    executor = RunExecutor(store, tmp_path, "w", timing, tracker)
    attempt = threading.Thread(target=executor.attempt, args=("run-a", 0))
    attempt.start()
    process = min(until(lambda: processes_of_run(tmp_path, "run-a")))
    until(lambda: server.runs)  # the process has begun
    assert b"s3cret" not in Path(f"/proc/{process}/environ").read_bytes()
    assert b"DISWM_TRACKER" not in Path(f"/proc/{process}/environ").read_bytes()
    assert "Bearer s3cret" in server.seen
    executor.stop()
    attempt.join(30)
    until(lambda: server.run.info["status"] != "RUNNING")
    assert server.run.info["status"] == "KILLED"
    assert "s3cret" not in (run_folder(tmp_path, "run-a") / "log.txt").read_text()
    others = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert "s3cret" not in others
