"""Two homes with one database and one store: what one makes the other shows and resumes; a zombie shows nothing."""

import threading
import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from backend.data.run_start import RunStart, write_run_start
from backend.data.store.opening import open_store
from backend.data.store.protocol import HaltableObjects
from backend.main import create_app
from backend.runs.child import start_child
from backend.runs.file_rows import FileRows
from backend.runs.folders import is_finished, run_folder
from backend.runs.homes import ForeignHome, check_home
from backend.runs.mirror import Mirror
from backend.runs.processes import processes_of_run
from backend.runs.states import RunState
from backend.runs.store import RunStore
from backend.runs.table import RunRow
from backend.settings import Settings
from tests.support.machines import claimed, copied, engine_of, executor_on, rows_of, shared_of, submitted, write_run
from tests.support.noise import write_noise
from tests.support.waiting import until

SMALL = {"latents": 2, "stoch": 2, "deter": 4, "hidden": 4, "batch": 1, "length": 2, "held_out": 2, "dataset": "noise"}


@pytest.mark.slow
@pytest.mark.parametrize("database_url", [None], ids=["sqlite"])
def test_a_run_that_moves_from_one_machine_to_another_shows_its_curve_log_and_checkpoints_on_a_third(
    here: Settings, there: Settings
) -> None:
    write_noise(here.home / "datasets" / "noise")
    run = submitted(here, "pretrain", **SMALL, updates=60, checkpoint_every=20, log_every=10)
    path, first = f"/api/v1/runs/{run.id}", executor_on(there, "first")
    with TestClient(create_app(here), base_url="http://127.0.0.1") as client:
        attempt = threading.Thread(daemon=True, target=first.attempt, args=(run.id, 0))
        attempt.start()
        until((run_folder(there.home, run.id) / "metrics.jsonl").exists, 300)
        first.stop()
        attempt.join(60)
        until(lambda: client.get(f"{path}/metrics").json()["items"], 60)
        elsewhere = there.model_copy(update={"home": there.home.parent / "elsewhere"})
        assert executor_on(elsewhere, "second").attempt(run.id, 1) == RunState.SUCCEEDED
        until(lambda: client.get(path).json()["checkpoint"] == run.id, 60)
        until(lambda: client.get(f"/api/v1/checkpoints/{run.id}").json().get("steps") == 60, 60)
        log = client.get(f"{path}/log").json()["text"]
        assert "attempt 1" in log and "attempt 2" in log
        updates = [line["updates"] for line in client.get(f"{path}/metrics").json()["items"]]
        assert updates == sorted(updates) and updates[-1] == 60
        assert not (run_folder(here.home, run.id) / "resume").exists()  # only whoever carries it out needs its saves
        assert client.delete(path).status_code == 204
    objects = open_store(here.store)
    assert objects is not None and list(objects.keys("runs")) == []


def test_what_a_worker_uploads_after_it_lost_the_run_is_never_shown(here: Settings, there: Settings) -> None:
    run = submitted(here, "collect")
    lost = claimed(there, run, "zombie")
    write_run(there.home, run.id, 10)
    assert copied(there, lost)
    shared = shared_of(here)
    shared.show_runs()
    assert (run_folder(here.home, run.id) / "log.txt").read_text() == "10 are done\n"
    rows_of(here).requeue(run.id, 1, stalled=0, furthest={})
    write_run(there.home, run.id, 500)
    assert not copied(there, lost)
    shared.show_runs()
    assert (run_folder(here.home, run.id) / "log.txt").read_text() == "10 are done\n"
    elsewhere = there.model_copy(update={"home": there.home.parent / "elsewhere"})
    current = claimed(elsewhere, run, "current", 1)
    shared_of(elsewhere).take_over(current, lambda: False)
    assert (run_folder(elsewhere.home, run.id) / "resume" / "update-000000010" / "training.pt").read_bytes() == b"10"
    write_run(elsewhere.home, run.id, 20)
    assert copied(elsewhere, current)
    assert not copied(there, lost)
    shared.show_runs()
    assert (run_folder(here.home, run.id) / "log.txt").read_text() == "20 are done\n"


class Unfenced(FileRows):
    """Rows without a fence: the last writer wins."""

    def publish(self, run: str, _attempt: int, files: str, home: str) -> bool:
        row = self._runs.get(run)
        return row is not None and super().publish(run, row.attempt, files, home)


def test_without_the_fence_a_zombie_replaces_what_the_holder_made(here: Settings, there: Settings) -> None:
    """Negative control of the test above."""
    run = submitted(here, "collect")
    lost = claimed(there, run, "zombie")
    rows_of(here).requeue(run.id, 1, stalled=0, furthest={})
    elsewhere = there.model_copy(update={"home": there.home.parent / "elsewhere"})
    current = claimed(elsewhere, run, "current", 1)
    write_run(elsewhere.home, run.id, 20)
    assert copied(elsewhere, current)
    write_run(there.home, run.id, 500)
    zombie = shared_of(there)
    zombie.rows = Unfenced(rows_of(there))
    with Mirror(zombie, lost, every_s=60) as mirror:
        mirror.end()
        until(lambda: mirror.is_done)
    shared_of(here).show_runs()
    assert (run_folder(here.home, run.id) / "log.txt").read_text() == "500 are done\n"


def test_a_finished_run_is_not_finished_for_the_table_before_the_store_has_its_files(
    here: Settings, there: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.runs.mirror.RETRY_S", 0.1)
    run = submitted(here, "collect")
    (write_run(there.home, run.id, 600) / "result.json").write_text("{}")
    executor, away = executor_on(there, "far"), threading.Event()
    away.set()
    assert executor._shared is not None
    executor._shared.objects = HaltableObjects(executor._shared.objects, away.is_set)
    attempt = threading.Thread(daemon=True, target=executor.attempt, args=(run.id, 0))
    attempt.start()
    time.sleep(1)
    store = rows_of(here)
    assert state_of(store, run) == RunState.RUNNING
    away.clear()
    attempt.join(60)
    assert state_of(store, run) == RunState.SUCCEEDED
    shared_of(here).show_runs()
    assert (run_folder(here.home, run.id) / "result.json").exists()


def test_a_worker_that_is_stopped_while_the_store_is_away_hands_a_finished_run_back(
    here: Settings, there: Settings
) -> None:
    run = submitted(here, "collect")
    (write_run(there.home, run.id, 600) / "result.json").write_text("{}")
    executor = executor_on(there, "far")
    assert executor._shared is not None
    executor._shared.objects = HaltableObjects(executor._shared.objects, lambda: True)
    attempt = threading.Thread(daemon=True, target=executor.attempt, args=(run.id, 0))
    attempt.start()
    time.sleep(1)
    executor.stop()
    attempt.join(60)
    assert state_of(rows_of(here), run) == RunState.QUEUED
    assert executor_on(there, "far").attempt(run.id, 1) == RunState.SUCCEEDED


def state_of(store: RunStore, run: RunRow) -> str:
    row = store.get(run.id)
    assert row is not None
    return row.state


def test_the_result_of_less_work_does_not_finish_a_run_that_got_more_to_do(tmp_path: Path) -> None:
    write_run_start(tmp_path, RunStart("collect", 0, {"episodes": 2, "films": None}))
    assert not is_finished(tmp_path, {"episodes": 2})
    (tmp_path / "result.json").write_text("{}")
    assert is_finished(tmp_path, {"episodes": 2, "films": None})
    assert not is_finished(tmp_path, {"episodes": 3, "films": None})


@pytest.mark.parametrize("database_url", [None], ids=["sqlite"])
def test_a_run_whose_data_set_cannot_be_put_into_the_store_is_refused_and_can_be_submitted_again(
    here: Settings,
) -> None:
    write_noise(here.home / "datasets" / "noise")
    store = Path(here.store.removeprefix("file://"))
    store.write_text("a file where the folder should be")
    body = {"stage": "pretrain", "settings": SMALL, "name": "a run"}
    with TestClient(create_app(here), base_url="http://127.0.0.1") as client:
        refused = client.post("/api/v1/runs", json=body)
        assert (refused.status_code, refused.json()["detail"]) == (
            503,
            f"What the run reads cannot be put into the store: the store {store} cannot be used: Not a directory.",
        )
        store.unlink()
        run = client.post("/api/v1/runs", json=body).json()["id"]
    row = rows_of(here).get(run)
    assert row is not None and row.needs == ["datasets/noise"]


def test_the_keys_of_the_store_do_not_reach_the_process_of_a_run(
    here: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "DISWM_STORE"):
        monkeypatch.setenv(name, "secret-of-the-store")
    run = claimed(here, submitted(here, "collect"), "w")
    child = start_child(run, here.home)
    try:
        for process in until(lambda: processes_of_run(here.home, run.id)):
            assert b"secret-of-the-store" not in Path(f"/proc/{process}/environ").read_bytes()
    finally:
        child.stop(grace_s=0)


def test_every_process_of_a_database_uses_the_same_store(here: Settings, there: Settings) -> None:
    engine = engine_of(here)
    there.home.mkdir()
    check_home(engine, there.home, there.store)
    with pytest.raises(ForeignHome, match=f"Set DISWM_STORE={here.store}"):
        check_home(engine, there.home)
