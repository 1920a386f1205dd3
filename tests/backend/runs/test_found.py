"""Runs from the shell and shipped runs are listed beside queued ones; they are read from their folders."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from backend.data.run_start import RunStart, read_run_start, write_run_start
from backend.pipeline.builder import build_settings
from backend.runs.errors import RunConflict
from backend.runs.folders import readable_folder
from backend.runs.found import find_run, found_runs
from backend.runs.locks import folder_lock, hold
from backend.runs.service import Order, RunService
from backend.runs.states import RunState
from backend.runs.views import view_run


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of shipped checkpoints."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    for module in ("found", "folders"):
        monkeypatch.setattr(f"backend.runs.{module}.SHIPPED", folder)
    return folder


@pytest.fixture
def service(engine: Engine, tmp_path: Path, shipped: Path) -> RunService:
    assert not list(shipped.iterdir())
    return RunService(engine, tmp_path)


def _begin(folder: Path, **edits: Any) -> Path:
    folder.mkdir(parents=True)
    settings = build_settings("finetune", "small", edits).model_dump(mode="json")
    write_run_start(folder, RunStart("finetune", 3, settings, "by hand", "small"))
    return folder


def test_a_run_of_the_shell_is_listed_with_what_its_folder_says(service: RunService, tmp_path: Path) -> None:
    folder = _begin(tmp_path / "runs" / "mine", agent_steps=90_000)
    [run] = service.page(10, None, [], []).rows
    view = view_run(run, tmp_path, time.time())
    assert (view.id, view.name, view.stage, view.seed, view.source) == ("mine", "by hand", "finetune", 3, "shell")
    assert (view.state, view.resumable, view.amount) == ("paused", False, None)
    assert view.command.endswith("diswm finetune --preset small --seed 3 --set agent_steps=90000")
    assert service.get("mine") == run
    (folder / "metrics.jsonl").write_text('{"phase": "evaluate", "evaluation_return": 5}\n')
    assert view_run(run, tmp_path, time.time()).metrics == {"evaluation_return": 5}


def test_its_state_is_that_of_its_folder(service: RunService, tmp_path: Path) -> None:
    folder = _begin(tmp_path / "runs" / "mine")
    with hold(folder_lock(folder)):
        assert service.get("mine").state == RunState.RUNNING
    for kind, state in (("error", "failed"), ("diverged", "diverged")):
        (folder / "error.json").write_text(json.dumps({"type": kind, "message": "so it went"}))
        view = view_run(service.get("mine"), tmp_path, time.time())
        assert view.state == state and view.error is not None and view.error.message == "so it went"
    (folder / "result.json").write_text("{}")
    assert service.get("mine").state == RunState.SUCCEEDED
    assert service.page(10, None, [RunState.FAILED], []).rows == []


def test_it_is_not_for_workers_but_can_be_cloned_and_deleted(service: RunService, tmp_path: Path) -> None:
    folder = _begin(tmp_path / "runs" / "mine", agent_steps=90_000)
    for act in (service.cancel, service.resume):
        with pytest.raises(RunConflict, match="belongs to the shell") as refused:
            act("mine")
        assert f"diswm finetune --resume --out {folder}" in refused.value.remedy
    copy = service.clone("mine", {"seed": 4}).row
    assert (copy.preset, copy.overrides, copy.seed) == ("small", {"agent_steps": 90_000}, 4)
    with hold(folder_lock(folder)), pytest.raises(RunConflict, match="A command writes"):
        service.remove("mine")
    service.remove("mine")
    assert not folder.exists()


def test_one_run_is_found_without_reading_the_others(
    service: RunService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        _begin(tmp_path / "runs" / f"mine-{number}")
    read: list[Path] = []

    def look(folder: Path) -> RunStart | None:
        read.append(folder)
        return read_run_start(folder)

    monkeypatch.setattr("backend.runs.found.read_run_start", look)
    assert service.get("mine-3").id == "mine-3"
    assert read == [tmp_path / "runs" / "mine-3"]
    assert len(service.page(10, None, [], []).rows) == 5  # the control: a list reads all
    assert len(read) == 5


def test_a_run_of_the_queue_is_not_listed_twice(service: RunService, tmp_path: Path) -> None:
    row = service.submit(Order("collect", "tiny", {}, None, 0, None)).row
    write_run_start(_begin(tmp_path / "runs" / row.id), RunStart("collect", 0, dict(row.settings)))
    assert [run.id for run in service.page(10, None, [], []).rows] == [row.id]


def test_pages_go_over_runs_of_both_kinds(service: RunService, tmp_path: Path) -> None:
    for number in range(3):
        service.submit(Order("collect", "tiny", {}, None, 0, None))
        _begin(tmp_path / "runs" / f"mine-{number}")
    seen, cursor = [], None
    while True:
        page = service.page(2, cursor, [], [])
        seen += [run.id for run in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 6
    assert len(service.page(10, None, [], ["finetune"]).rows) == 3


def test_curves_shipped_beside_a_checkpoint_are_a_finished_run(
    service: RunService, shipped: Path, tmp_path: Path, tiny_checkpoint_home: Path
) -> None:
    folder = shipped / "swingup"
    shutil.copytree(tiny_checkpoint_home / "checkpoints" / "tiny-world", folder)
    assert found_runs(tmp_path, ()) == [], "a checkpoint without curves is no run"
    write_run_start(
        folder, RunStart("finetune", 7, build_settings("finetune", "small").model_dump(mode="json"), None, "small")
    )
    (folder / "metrics.jsonl").write_text(
        '{"time": 1e9, "phase": "evaluate", "environment_steps": 10, "evaluation_return": 5}\n'
    )
    view = view_run(service.get("swingup"), tmp_path, time.time())
    assert view.started_at == "2001-09-09T01:46:40.000+00:00", "with its first line of metrics"
    assert (view.source, view.state, view.checkpoint, view.seed) == ("shipped", "succeeded", "swingup", 7)
    assert view.metrics["evaluation_return"] == 5
    assert readable_folder(tmp_path, "swingup") == folder
    with pytest.raises(RunConflict, match="comes with the program"):
        service.remove("swingup")


def test_a_folder_that_is_no_run_is_passed_over(tmp_path: Path, shipped: Path) -> None:
    (tmp_path / "runs" / "odd").mkdir(parents=True)
    (tmp_path / "runs" / "odd" / "settings.json").write_text("{")
    (shipped / "settings.json").write_text("{}")
    assert found_runs(tmp_path, ()) == []
    assert find_run(tmp_path, "../odd") is None
