"""A worker that is killed, stopped or asked to end loses nothing and never executes a run twice at once."""

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from backend.runs.folders import run_folder
from backend.runs.locks import holder, worker_lock
from backend.runs.metrics import read_metrics
from backend.runs.states import RunState

ENDLESS = {"updates": 50_000, "checkpoint_every": 40_000}


@contextmanager
def _counting(shop: Any, run: str) -> Iterator[list[int]]:
    """Continuously counts how many processes execute the run at once."""
    counts: list[int] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.05):
            counts.append(len(shop.leaders(run)))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield counts
    finally:
        over.set()
        thread.join()


def _damage(home: Path, dataset: str) -> None:
    """Flip bits in the frames; the headers, which are checked before a start, stay valid."""
    for episode in (home / "datasets" / dataset).glob("*.npz"):
        content = bytearray(episode.read_bytes())
        for place in range(5_000, 6_000):
            content[place] ^= 0xFF
        episode.write_bytes(content)


def _killed_on_its_way(shop: Any, run: str, *, stop_child: bool = False) -> None:
    """Start a worker, let the run get further, and kill the worker; with a child that stands still, if asked."""
    before = shop.done(run)
    worker = shop.fork("worker")
    shop.until(lambda: shop.done(run) > before + 5)
    if stop_child:
        os.kill(shop.leaders(run)[0], signal.SIGSTOP)
    shop.kill(worker)


def _killed_at_the_start(shop: Any, run: str, chance: random.Random) -> None:
    """Start a worker and kill it soon after it took the run, before, while or after the run's process begins."""
    before = shop.row(run).attempt
    worker = shop.fork("worker")
    shop.until(lambda: shop.row(run).attempt > before)
    time.sleep(chance.random() * 0.5)
    shop.kill(worker)


@pytest.mark.slow
def test_a_run_whose_workers_are_killed_six_times_equals_one_left_alone_and_never_runs_twice_at_once(shop: Any) -> None:
    """The short form of the hundreds of kills of `make faults`."""
    run, chance = shop.pretrain(updates=200), random.Random(0)
    with _counting(shop, run) as counts:
        for _ in range(4):
            _killed_at_the_start(shop, run, chance)
        _killed_on_its_way(shop, run)
        shop.until(lambda: not shop.processes(run), 60)  # the orphan saved and ended by itself
        _killed_on_its_way(shop, run, stop_child=True)
        assert len(shop.leaders(run)) == 1  # this one cannot: the next worker ends it
        worker = shop.fork("worker")
        shop.until(lambda: shop.row(run).state == RunState.SUCCEEDED)
        shop.kill(worker)
    assert max(counts) == 1
    row = shop.row(run)
    assert (row.attempt, row.stalled, row.error) == (7, 0, None)
    assert _outcome(run_folder(shop.home, run)) == _outcome(_alone(shop, run))


def _alone(shop: Any, run: str) -> Path:
    """The folder of the same run without interruptions."""
    out: Path = shop.home / "alone"
    request = run_folder(shop.home, run) / "request.json"
    command = ("pretrain", "--settings-file", str(request), "--seed", "0", "--out", str(out))
    assert shop.finish(shop.fork(*command, "--device", "cpu", "--json")) == 0
    return out


def test_two_processes_on_one_run_would_be_counted(shop: Any) -> None:
    """Negative control of the count: two session leaders with the same marks."""
    marks = {"DISWM_HOME": str(shop.home), "DISWM_RUN_ID": "run-x"}
    command = ["sleep", "60"]
    processes = [subprocess.Popen(command, env=os.environ | marks, start_new_session=True) for _ in range(2)]
    try:
        with _counting(shop, "run-x") as counts:
            shop.until(lambda: counts != [] and counts[-1] == 2, 10)
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.mark.long
def test_runs_whose_workers_are_killed_again_and_again_equal_one_that_was_left_alone(shop: Any, ledger: Any) -> None:
    kills = int(os.environ.get("WORKER_KILLS", "200"))
    settings = {"updates": 400, "checkpoint_every": 25, "log_every": 10}
    alone = shop.pretrain(**settings)
    worker = shop.fork("worker")
    shop.until(lambda: shop.row(alone).state == RunState.SUCCEEDED)
    shop.kill(worker)
    wanted, done, runs = _outcome(run_folder(shop.home, alone)), 0, 0
    while done < kills:
        run = shop.pretrain(**settings)
        with _counting(shop, run) as counts:
            done += _hunted(shop, run, kills - done)
        assert max(counts) == 1
        assert _outcome(run_folder(shop.home, run)) == wanted
        runs += 1
    seen = f"finished runs: {runs}, each equal to the one left alone; never two processes on one"
    ledger.write(
        "a killed worker loses nothing", "taken up again, curve equal, never two at once", f"{done} kills", seen
    )


def _hunted(shop: Any, run: str, kills: int) -> int:
    """Kill each worker once the run has progressed, then let the run finish; returns the number of kills."""
    for done in range(kills):
        before = shop.done(run)
        worker = shop.fork("worker")
        shop.until(lambda before=before: _over(shop, run) or shop.done(run) > before)
        over = _over(shop, run)
        shop.kill(worker)
        if over:
            return done
        shop.until(lambda: not shop.leaders(run))  # its process saves and ends by itself
    worker = shop.fork("worker")
    shop.until(lambda: _over(shop, run))
    shop.kill(worker)
    return kills


def _over(shop: Any, run: str) -> bool:
    return bool(shop.row(run).state == RunState.SUCCEEDED)


def _outcome(folder: Path) -> tuple[list[Any], bytes]:
    """Metrics without the time, and the last weights."""
    lines = [line | {"time": 0} for line in read_metrics(folder, 0).items]
    weights = max(folder.glob("checkpoints/update-*")) / "model.safetensors"
    return lines, weights.read_bytes()


@pytest.mark.slow
def test_a_worker_that_stood_still_past_its_lease_loses_its_run_and_writes_nothing_when_it_goes_on(shop: Any) -> None:
    run = shop.pretrain(**ENDLESS)
    first = shop.fork("worker")
    shop.until(lambda: shop.done(run) > 5)
    old = shop.leaders(run)
    os.kill(first, signal.SIGSTOP)
    with shop.engine.begin() as connection:  # as if it had stood still for a minute
        connection.execute(text("UPDATE runs SET heartbeat_at = heartbeat_at - 60"))
    with _counting(shop, run) as counts:
        second = shop.fork("worker", DISWM_WORKER="worker-2")
        shop.until(lambda: shop.row(run).worker == "worker-2" and shop.leaders(run) not in ([], old), 60)
        new, before = shop.leaders(run), shop.done(run)
        os.kill(first, signal.SIGCONT)
        shop.until(lambda: shop.done(run) > before + 20, 120)  # the new one goes on, and nobody ends it
    assert max(counts) == 1
    assert shop.leaders(run) == new
    row = shop.row(run)
    assert (row.state, row.worker, row.attempt, row.stalled) == (RunState.RUNNING, "worker-2", 2, 0)
    assert (holder(worker_lock(shop.home, "worker-1")) or {}).get("ready") is True  # it lives and takes other runs
    _cancel(shop, run)
    shop.kill(first)
    shop.kill(second)


@pytest.mark.slow
def test_a_worker_asked_to_end_saves_its_run_which_goes_on_at_the_next_until_cancelled(shop: Any) -> None:
    run = shop.pretrain(**ENDLESS)
    worker = shop.start_worker()
    shop.until(lambda: shop.done(run) > 5)
    os.kill(worker, signal.SIGTERM)
    assert shop.finish(worker) == 0
    assert shop.processes(run) == []
    row = shop.row(run)
    assert (row.state, row.attempt, row.stalled) == (RunState.QUEUED, 1, 0)
    saved = shop.done(run)
    assert list((run_folder(shop.home, run) / "resume").glob("update-*"))

    shop.start_worker()
    shop.until(lambda: shop.row(run).state == RunState.RUNNING and shop.done(run) > saved)
    _cancel(shop, run)

    shop.service.resume(run)
    shop.until(lambda: len(shop.leaders(run)) == 1)
    os.kill(shop.leaders(run)[0], signal.SIGSTOP)  # cannot save any more: is killed
    _cancel(shop, run)


def _cancel(shop: Any, run: str) -> None:
    """Within five seconds the run is cancelled and none of its processes is left."""
    begun = time.monotonic()
    shop.service.cancel(run)
    shop.until(lambda: shop.row(run).state == RunState.CANCELLED and not shop.processes(run), 5)
    assert time.monotonic() - begun < 5


@pytest.mark.slow
def test_poison_runs_end_and_do_not_hold_up_others(shop: Any) -> None:
    shop.add_dataset("poison")
    poison = shop.pretrain(dataset="poison", updates=20)
    diverging = shop.pretrain(updates=1000, checkpoint_every=1000, learning_rate=1.0, clip_norm=1e6)
    good = shop.pretrain(updates=20)
    _damage(shop.home, "poison")
    shop.start_worker()
    shop.until(lambda: shop.row(poison).state == RunState.FAILED)
    failed, diverged, done = shop.row(poison), shop.row(diverging), shop.row(good)
    assert failed.attempt == 3
    assert "episode-000000" in failed.error["message"]
    assert (diverged.state, diverged.attempt, diverged.error["type"]) == (RunState.DIVERGED, 1, "diverged")
    assert done.state == RunState.SUCCEEDED
    assert done.finished_at < failed.finished_at


def test_a_home_of_any_name_holds_all_that_a_run_writes(tmp_path: Path, open_shop: Any) -> None:
    home = tmp_path / "100% what? #1 дом"
    home.mkdir()
    shop = open_shop(home)
    run = shop.pretrain(updates=20)
    shop.start_worker()
    shop.until(lambda: shop.row(run).state == RunState.SUCCEEDED)
    assert {"diswm.sqlite", "queue.sqlite", "runs"} <= {path.name for path in home.iterdir()}
    assert list(tmp_path.iterdir()) == [home]


def test_a_run_that_is_over_is_taken_further_by_the_worker(shop: Any) -> None:
    run = shop.pretrain(updates=20)
    shop.start_worker()
    shop.until(lambda: shop.row(run).state == RunState.SUCCEEDED)
    shop.service.resume(run, {"updates": 30})
    shop.until(lambda: shop.row(run).state == RunState.SUCCEEDED)
    lines = read_metrics(run_folder(shop.home, run), 0).items
    assert [line["updates"] for line in lines] == [10, 20, 30]
    assert (run_folder(shop.home, run) / "checkpoints" / "update-000000030").is_dir()


@pytest.mark.slow
def test_a_worker_with_limits_ends_by_itself_and_the_next_with_the_label_goes_on(shop: Any) -> None:
    long, short = shop.pretrain(**ENDLESS), shop.pretrain(updates=20)
    assert shop.finish(shop.fork("worker", "--max-minutes", "0.1")) == 0
    row = shop.row(long)
    assert (row.state, row.attempt) == (RunState.QUEUED, 1)
    _cancel(shop, long)
    labelled = shop.service.clone(short, {"device": "cpu@big"}).row.id
    assert shop.finish(shop.fork("worker", "--until-idle", "1")) == 0
    assert (shop.row(short).state, shop.row(labelled).state) == (RunState.SUCCEEDED, RunState.QUEUED)
    assert shop.finish(shop.fork("worker", "--until-idle", "1", "--labels", "fast,big")) == 0
    assert shop.row(labelled).state == RunState.SUCCEEDED
