"""A store and its homes: runs from before it are put into it, copies of removed runs are deleted."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from backend.data.store.protocol import HaltableObjects, Objects
from backend.main import create_app
from backend.runs.file_rows import FileRows
from backend.runs.folders import run_folder
from backend.runs.locks import folder_lock, hold
from backend.runs.states import RunState
from backend.runs.table import RunRow
from backend.settings import Settings
from tests.support.machines import claimed, copied, executor_on, rows_of, shared_of, submitted, write_run
from tests.support.waiting import until


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
