"""Machines with a home each, one database and one store: what their workers and APIs do, step by step."""

import json
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from backend.data.files import write_folder
from backend.data.store.opening import open_store
from backend.runs.database import open_database
from backend.runs.executor import RunExecutor, Timing
from backend.runs.folders import run_folder
from backend.runs.mirror import Mirror
from backend.runs.service import Order, RunService
from backend.runs.shared import SharedFiles, open_shared
from backend.runs.store import RunStore
from backend.runs.table import RunRow
from backend.settings import Settings
from tests.support.waiting import until

QUICK = Timing(poll=0.05, heartbeat=0.2, cancel_grace=5.0, stop_grace=10.0, copy=0.2)
_engines: dict[str, Engine] = {}


def engine_of(settings: Settings) -> Engine:
    """The database; the machines of a test share one engine."""
    url = settings.url_of_database
    if url not in _engines:
        _engines[url] = open_database(settings)
    return _engines[url]


def close_engines() -> None:
    """End the connections of a test."""
    for engine in _engines.values():
        engine.dispose()
    _engines.clear()


def rows_of(settings: Settings) -> RunStore:
    """The table of runs."""
    return RunStore(engine_of(settings))


def shared_of(settings: Settings) -> SharedFiles:
    shared = open_shared(settings, rows_of(settings))
    assert shared is not None
    return shared


def executor_on(settings: Settings, worker: str) -> RunExecutor:
    store = rows_of(settings)
    return RunExecutor(store, settings.home, worker, QUICK, shared=open_shared(settings, store))


def submitted(settings: Settings, stage: str, **overrides: Any) -> RunRow:
    service = RunService(engine_of(settings), settings.home, open_store(settings.store))
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
