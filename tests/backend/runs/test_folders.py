"""Reads a run's files while its process writes them."""

import json
from pathlib import Path

import pytest

from backend.runs import folders


def test_last_metrics_gather_the_newest_of_each_name(tmp_path: Path) -> None:
    lines = [
        {"time": 1.0, "phase": "pretrain", "updates": 10, "image": 5.0},
        {"time": 2.0, "phase": "evaluate", "updates": 20, "evaluation_return": 7.0},
    ]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    newest = folders.last_metrics(tmp_path)
    assert (newest["updates"], newest["image"], newest["evaluation_return"]) == (20, 5.0, 7.0)


def test_the_log_is_read_on_by_bytes(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text("grüße\n")
    assert folders.read_log(tmp_path, 0) == ("grüße\n", 8)
    assert folders.read_log(tmp_path, 8) == ("", 8)
    assert folders.read_log(tmp_path, 100) == ("grüße\n", 8)
    assert folders.last_log_line(tmp_path) == "grüße"


def test_a_folder_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    missing = tmp_path / "none"
    assert folders.read_progress(missing) is None
    assert folders.read_log(missing, 0) == ("", 0)
    assert folders.last_metrics(missing) == {}
    assert folders.last_log_line(missing) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "3"])
def test_a_damaged_progress_file_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "progress.json").write_text(text)
    assert folders.read_progress(tmp_path) is None


def test_the_time_left_follows_the_pace_so_far() -> None:
    progress = {"done": 20, "total": 100, "started": 1000.0, "updated": 1010.0}
    assert folders.seconds_left(progress) == pytest.approx(40.0)
    assert folders.seconds_left(progress | {"done": 0}) is None
    assert folders.seconds_left({"done": 1}) is None


def test_the_time_left_of_a_resumed_run_follows_the_pace_of_this_sitting() -> None:
    progress = {"done": 60, "total": 100, "done_before": 50, "started": 1000.0, "updated": 1010.0}
    assert folders.seconds_left(progress) == pytest.approx(40.0)
    assert folders.seconds_left(progress | {"done": 50}) is None


def test_a_folder_set_aside_can_be_put_back_or_deleted(tmp_path: Path) -> None:
    folder = folders.run_folder(tmp_path, "run-a")
    folder.mkdir(parents=True)
    (folder / "x").touch()
    aside = folders.set_aside(tmp_path, "run-a")
    assert not folder.exists()
    folders.put_back(aside, folder)
    assert (folder / "x").exists()
    folders.delete_aside(folders.set_aside(tmp_path, "run-a"))
    assert not folder.exists()
    assert folders.set_aside(tmp_path, "run-a") is None
