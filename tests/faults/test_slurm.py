"""Pilots on a real SLURM of two nodes: one is cancelled, and a node fails."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backend.runs.folders import run_folder
from backend.runs.states import RunState
from tests.faults.conftest import Store
from tests.support.forks import Forks
from tests.support.postgres import Server
from tests.support.slurm import Cluster, cluster

pytestmark = pytest.mark.long
UPDATES, SAVED_EVERY, PATIENCE_S = 400, 200, 900.0


@pytest.fixture
def slurm() -> Iterator[Cluster]:
    """Two nodes, each with room for one pilot."""
    with cluster() as running:
        yield running


@pytest.fixture
def shared(postgres: Server, forks: Forks, tmp_path: Path) -> Iterator[Store]:
    """A store on Postgres, with a data set."""
    store = Store(tmp_path, forks, postgres.database())
    store.add_dataset()
    yield store
    store.end()


def test_the_run_of_a_cancelled_pilot_goes_on_in_another_and_loses_nothing(
    slurm: Cluster, shared: Store, ledger: Any
) -> None:
    runs = _queued(shared, 3)
    _submit(slurm, shared, count=3)
    shared.until(lambda: sum(shared.done(run) > 20 for run in runs) == 2)
    assert {job: state for job, (state, _) in slurm.jobs().items()} == {
        "1_1": "RUNNING",
        "1_2": "RUNNING",
        "1_3": "PENDING",
    }
    slurm.ask("scancel", "1_1")
    shared.until(lambda: all(shared.row(run).state == RunState.SUCCEEDED for run in runs), PATIENCE_S)
    _alike(shared, runs)
    assert sorted(shared.row(run).attempt for run in runs) == [1, 1, 2]
    shared.until(lambda: all(state != "RUNNING" for state, _ in slurm.jobs().values()))
    assert {job: state for job, (state, _) in slurm.jobs().items()} == {
        "1_1": "CANCELLED",
        "1_2": "COMPLETED",
        "1_3": "COMPLETED",
    }
    ledger.write(
        "a pilot of SLURM that is cancelled",
        "its run goes on in another, curve equal",
        "3 pilots on two nodes of a real SLURM, one of them ended by scancel in the middle of a run",
        "saved, taken by the pilot that followed; three equal curves; the others ended by themselves",
    )


def test_the_run_of_a_node_that_failed_goes_on_when_slurm_starts_its_pilot_again(
    slurm: Cluster, shared: Store, ledger: Any
) -> None:
    runs = _queued(shared, 2)
    _submit(slurm, shared, count=2)
    shared.until(lambda: all(shared.done(run) > 20 for run in runs))
    slurm.lose("n1")
    slurm.start_node("n1")
    shared.until(lambda: all(shared.row(run).state == RunState.SUCCEEDED for run in runs), PATIENCE_S)
    _alike(shared, runs)
    assert sorted(shared.row(run).attempt for run in runs) == [1, 2]
    shared.until(lambda: {state for state, _ in slurm.jobs().values()} == {"COMPLETED"})
    ledger.write(
        "a node of SLURM that fails",
        "its run goes on, curve equal",
        "slurmd and everything on one of two nodes killed, the node started again",
        "SLURM started the pilot again, the run went on from its save; two equal curves",
    )


def _queued(store: Store, number: int) -> list[str]:
    """Runs that are equal in everything, so that their curves are."""
    return [store.pretrain(updates=UPDATES, checkpoint_every=SAVED_EVERY, log_every=1) for _ in range(number)]


def _submit(slurm: Cluster, store: Store, count: int) -> None:
    command = [
        sys.executable,
        "-m",
        "backend",
        "pilots",
        "slurm",
        "--count",
        str(count),
        "--time",
        "30m",
        "--idle",
        "5",
    ]
    environment = os.environ | slurm.environment
    environment |= {"DISWM_HOME": str(store.home), "DISWM_DATABASE_URL": str(store.settings.database_url)}
    options = ("--submit", "--", f"--output={store.home}/pilot-%a.txt", "--open-mode=append")
    subprocess.run([*command, *options], env=environment | {"OMP_NUM_THREADS": "1"}, timeout=120, check=True)


def _alike(store: Store, runs: list[str]) -> None:
    """Every update was made once, and all runs have the same curve."""
    curves = [_curve(store, run) for run in runs]
    assert [[update for update, _ in curve] for curve in curves] == [list(range(1, UPDATES + 1))] * len(runs)
    assert all(curve == curves[0] for curve in curves)


def _curve(store: Store, run: str) -> list[tuple[int, float]]:
    lines = (run_folder(store.home, run) / "metrics.jsonl").read_text().splitlines()
    return [(line["updates"], line["image"]) for line in map(json.loads, lines)]
