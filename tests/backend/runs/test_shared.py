"""Two homes with one database and one store: what one makes the other shows and resumes; a zombie shows nothing."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from backend.data.files import write_folder
from backend.data.run_start import RunStart, write_run_start
from backend.data.store.opening import open_store
from backend.data.store.protocol import HaltableObjects, Objects
from backend.main import create_app
from backend.runs.child import start_child
from backend.runs.database import open_database
from backend.runs.executor import RunExecutor, Timing
from backend.runs.file_rows import FileRows
from backend.runs.folders import is_finished, run_folder
from backend.runs.homes import ForeignHome, check_home
from backend.runs.locks import folder_lock, hold
from backend.runs.mirror import Mirror
from backend.runs.processes import processes_of_run
from backend.runs.service import Order, RunService
from backend.runs.shared import SharedFiles, open_shared
from backend.runs.states import RunState
from backend.runs.store import RunStore
from backend.runs.table import RunRow
from backend.settings import Settings
from tests.support.noise import write_noise
from tests.support.waiting import until

Add = Callable[..., RunRow]
QUICK = Timing(poll=0.05, heartbeat=0.2, cancel_grace=5.0, stop_grace=10.0, copy=0.2)
SMALL = {"latents": 2, "stoch": 2, "deter": 4, "hidden": 4, "batch": 1, "length": 2, "held_out": 2, "dataset": "noise"}


@pytest.fixture
def here(tmp_path: Path, database_url: str | None) -> Settings:
    """The settings of the API's machine."""
    url = database_url or f"sqlite:///{tmp_path}/shared.sqlite"
    return Settings(home=tmp_path / "here", database_url=url, store=f"file://{tmp_path}/store")


@pytest.fixture
def there(here: Settings, tmp_path: Path) -> Settings:
    """Those of another machine."""
    return here.model_copy(update={"home": tmp_path / "there"})


_engines: dict[str, Engine] = {}


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """The connections of a test end with it."""
    yield
    for engine in _engines.values():
        engine.dispose()
    _engines.clear()


def rows_of(settings: Settings) -> RunStore:
    """The table of runs; the machines of a test share one engine."""
    url = settings.url_of_database
    if url not in _engines:
        _engines[url] = open_database(settings)
    return RunStore(_engines[url])


def shared_of(settings: Settings) -> SharedFiles:
    shared = open_shared(settings, rows_of(settings))
    assert shared is not None
    return shared


def executor_on(settings: Settings, worker: str) -> RunExecutor:
    store = rows_of(settings)
    return RunExecutor(store, settings.home, worker, QUICK, shared=open_shared(settings, store))


def submitted(settings: Settings, stage: str, **overrides: Any) -> RunRow:
    rows_of(settings)
    service = RunService(_engines[settings.url_of_database], settings.home, open_store(settings.store))
    return service.submit(Order(stage, "tiny", overrides, "a run", 0, "cpu")).row


def claimed(settings: Settings, run: RunRow, worker: str, generation: int = 0) -> RunRow:
    row = rows_of(settings).claim(run.id, generation, worker)
    assert row is not None
    return row


def copied(settings: Settings, row: RunRow) -> bool:
    """Copy the folder of an attempt once; whether that counts."""
    with Mirror(shared_of(settings), row, every_s=60) as mirror:
        mirror.end()
        until(lambda: mirror.is_done)
    return mirror.is_complete


def write_run(home: Path, run: str, done: int) -> Path:
    """What an attempt that did so much may have left."""
    folder = run_folder(home, run)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.jsonl").write_text("".join(f'{{"updates": {n}, "loss": {n}.5}}\n' for n in range(done)))
    (folder / "log.txt").write_text(f"{done} are done\n")
    (folder / "progress.json").write_text(json.dumps({"phase": "pretrain", "done": done, "total": 600}))
    write_folder(folder / "resume" / f"update-{done:09d}", {"training.pt": b"%d" % done})
    return folder


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
def test_runs_from_before_the_store_are_put_into_it_and_continue_on_another_machine(
    here: Settings, there: Settings
) -> None:
    rows = rows_of(here)
    stopped, running, unbegun = (submitted(here, "collect") for _ in range(3))
    rows.claim(stopped.id, 0, "w")
    rows.finish(stopped.id, 1, RunState.CANCELLED, error=None, result=None, furthest={})
    write_run(here.home, stopped.id, 10)
    claimed(here, running, "w")
    write_run(here.home, running.id, 5)
    with TestClient(create_app(here), base_url="http://127.0.0.1") as client:
        until(lambda: FileRows(rows).of_run(stopped.id), 60)
        assert client.post(f"/api/v1/runs/{stopped.id}/resume").status_code == 202
    assert [run for run in (running, unbegun) if FileRows(rows).of_run(run.id)] == []
    current = claimed(there, stopped, "far", 1)
    shared_of(there).take_over(current, lambda: False)
    assert (run_folder(there.home, stopped.id) / "resume" / "update-000000010" / "training.pt").read_bytes() == b"10"
    assert (run_folder(there.home, stopped.id) / "log.txt").read_text() == "10 are done\n"


def test_a_run_that_a_worker_takes_while_its_old_files_are_put_there_keeps_what_the_worker_makes(
    here: Settings, there: Settings
) -> None:
    run = submitted(here, "collect")
    write_run(here.home, run.id, 10)
    taken = shared_of(here)
    taken.objects = During(taken.objects, lambda: claimed(there, run, "far"))
    assert list(taken.put_old_runs()) == []
    row = rows_of(here).get(run.id)
    assert row is not None and (row.files, row.state) == (None, RunState.RUNNING)
    write_run(there.home, run.id, 20)
    assert copied(there, row)
    assert list(shared_of(here).put_old_runs()) == []
    shared_of(here).show_runs()
    assert (run_folder(here.home, run.id) / "log.txt").read_text() == "20 are done\n"


class During(HaltableObjects):
    """A store during whose first upload something else happens."""

    def __init__(self, objects: Objects, once: Callable[[], object]) -> None:
        super().__init__(objects, lambda: False)
        self._once = [once]

    def create(self, key: str, content: bytes) -> bool:
        while self._once:
            self._once.pop()()
        return super().create(key, content)


def test_a_worker_deletes_its_copies_of_removed_runs_and_nothing_else(here: Settings, there: Settings) -> None:
    removed, read, other = (submitted(here, "collect") for _ in range(3))
    for number, run in enumerate((removed, read, other)):
        row = claimed(there, run, "far")
        write_run(there.home, run.id, number)
        assert copied(there, row)
        rows_of(here).finish(run.id, 1, RunState.CANCELLED, error=None, result=None, furthest={})
    by_hand = write_run(there.home, "by-hand", 1)
    reader = submitted(here, "collect")
    _set_needs(here, reader, [f"runs/{read.id}/dataset"])
    far = shared_of(there)
    rows_of(here).remove(removed.id)
    rows_of(here).remove(read.id)
    shared_of(here).forget_run(removed.id)
    shared_of(here).forget_run(read.id)
    far.drop_removed()
    assert run_folder(there.home, removed.id).exists()  # gone from table and store: both may be new, and it the last
    shared_of(here).drop_copies(removed.id)
    shared_of(here).drop_copies(read.id)
    far.objects, answering = HaltableObjects(far.objects, lambda: True), far.objects
    far.drop_removed()
    assert run_folder(there.home, removed.id).exists()  # the store did not say so
    far.objects = answering
    far.take_over(claimed(there, reader, "far"), lambda: False)
    assert sorted(path.name for path in (there.home / "runs").iterdir()) == sorted([read.id, other.id, by_hand.name])
    assert not list((there.home / "trash").iterdir())


def _set_needs(settings: Settings, run: RunRow, needs: list[str]) -> None:
    with rows_of(settings).session() as session:
        row = session.get(RunRow, run.id)
        assert row is not None
        row.needs = needs
        session.add(row)
        session.commit()


@pytest.mark.parametrize("database_url", [None], ids=["sqlite"])
def test_a_run_that_is_deleted_through_the_api_is_gone_from_the_disk_of_its_worker_before_the_next_one(
    here: Settings, there: Settings
) -> None:
    executor = executor_on(there, "far")
    runs = [submitted(here, "collect") for _ in range(2)]
    for run in runs:
        (write_run(there.home, run.id, 600) / "result.json").write_text("{}")
    assert executor.attempt(runs[0].id, 0) == RunState.SUCCEEDED
    with TestClient(create_app(here), base_url="http://127.0.0.1") as client:
        with hold(folder_lock(run_folder(here.home, runs[0].id)), wait=True) as lock:
            lock.announce(copies=True)
            refused = client.delete(f"/api/v1/runs/{runs[0].id}")
            assert (refused.status_code, refused.json()["remedy"]) == (409, "Try again in a few seconds.")
        until(lambda: client.delete(f"/api/v1/runs/{runs[0].id}").status_code == 204)
    assert executor.attempt(runs[1].id, 0) == RunState.SUCCEEDED
    assert [path.name for path in (there.home / "runs").iterdir()] == [runs[1].id]


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
    rows_of(here)
    engine = _engines[here.url_of_database]
    there.home.mkdir()
    check_home(engine, there.home, there.store)
    with pytest.raises(ForeignHome, match=f"Set DISWM_STORE={here.store}"):
        check_home(engine, there.home)
