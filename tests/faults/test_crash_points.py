"""Processes killed at named points leave complete files, and the next process finishes their work."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from backend.data.checkpoint import load_checkpoint, read_info
from backend.data.files import CorruptFile, verify_folder
from backend.runs.folders import run_folder
from backend.runs.states import RunState

pytestmark = pytest.mark.slow

STAGE_POINTS = {
    "before the first save is named": "folder-before-rename:1",
    "after the first save is named": "folder-after-rename:1",
    "in the middle of the second save": "folder-half-written:5",  # one file a save, four a checkpoint
    "between a save and its checkpoint": "between-state-and-weights:1",
    "in the middle of a checkpoint": "folder-half-written:3",
    "before a checkpoint is named": "folder-before-rename:2",
    "before progress is named": "file-before-rename:3",
    "in the middle of a metrics line": "metrics-line:5",
    "in the middle of thinning old saves": "folder-half-removed:1",
    "after the result": "result-written:1",
}
SIZES = ["latents=2", "stoch=2", "deter=4", "hidden=4", "batch=1", "length=2", "held_out=2", "first_channels=4"]
SCHEDULE = ["updates=12", "checkpoint_every=4", "log_every=2", "dataset=noise"]


def _pretrain(shop: Any, out: Path, *more: str, seed: int = 0, crash_at: str = "") -> int:
    """Run the stage in a process of its own; its exit status."""
    settings = [part for value in (*SIZES, *SCHEDULE) for part in ("--set", value)]
    command = ["pretrain", "--out", str(out), "--seed", str(seed), "--json", *settings, *more]
    return int(shop.finish(shop.fork(*command, DISWM_CRASH_AT=crash_at)))


def _outcome(out: Path) -> tuple[list[Any], dict[str, bytes]]:
    """What a finished run says and made: its metrics without the time, and the weights of each checkpoint."""
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    weights = {path.parent.name: path.read_bytes() for path in out.glob("checkpoints/update-*/model.safetensors")}
    return [{key: value for key, value in line.items() if key != "time"} for line in lines], weights


def _check_whole(out: Path) -> None:
    """Every save and checkpoint that stands under its name can be used."""
    for save in out.glob("resume/update-*"):
        verify_folder(save)
    for checkpoint in out.glob("checkpoints/update-*"):
        verify_folder(checkpoint)
        load_checkpoint(read_info(checkpoint, checkpoint.name, "run"))


def _leftovers(out: Path) -> list[Path]:
    return list(out.rglob(".partial-*"))


def test_a_stage_killed_at_any_point_leaves_whole_files_and_is_finished_as_if_never_killed(
    shop: Any, subtests: Any
) -> None:
    runs = shop.home / "runs"
    assert _pretrain(shop, runs / "uncut") == 0
    lines, weights = _outcome(runs / "uncut")
    assert len(weights) == 3 and len(lines) == 6
    left = 0
    for when, point in STAGE_POINTS.items():
        with subtests.test(when):
            out = runs / point.replace(":", "-")
            assert _pretrain(shop, out, crash_at=point) == -signal.SIGKILL
            _check_whole(out)
            left += len(_leftovers(out))
            assert _pretrain(shop, out, "--resume") == 0
            assert _leftovers(out) == []
            done, made = _outcome(out)
            assert done == lines
            assert made["update-000000012"] == weights["update-000000012"]
            assert all(weights[name] == content for name, content in made.items())
    assert left > 0  # the sweep had something to do


def test_half_a_checkpoint_and_another_outcome_are_noticed(shop: Any) -> None:
    """Negative control: the checks above can fail."""
    runs = shop.home / "runs"
    assert _pretrain(shop, runs / "a") == _pretrain(shop, runs / "b", seed=1) == 0
    assert _outcome(runs / "a")[0] != _outcome(runs / "b")[0]
    assert _outcome(runs / "a")[1] != _outcome(runs / "b")[1]
    (runs / "a" / "checkpoints" / "update-000000008" / "statistics.json").unlink()
    with pytest.raises(CorruptFile, match="statistics"):
        _check_whole(runs / "a")


def test_a_worker_killed_around_an_attempt_has_it_carried_out_once(shop: Any, subtests: Any) -> None:
    for point, attempts in {"run-claimed": 2, "attempt-over": 2, "verdict-written": 1}.items():
        with subtests.test(point):
            run = shop.pretrain(updates=4, checkpoint_every=2, log_every=1)
            assert shop.finish(shop.fork("worker", DISWM_CRASH_AT=point)) == -signal.SIGKILL
            _check_taken_up_once(shop, run, attempts)


def _check_taken_up_once(shop: Any, run: str, attempts: int) -> None:
    """The next worker finishes the run and repeats nothing that already has a result."""
    worker = shop.fork("worker")
    shop.until(lambda: shop.row(run).state == RunState.SUCCEEDED)
    shop.kill(worker)
    row, folder = shop.row(run), run_folder(shop.home, run)
    assert (row.attempt, row.stalled, row.error) == (attempts, 0, None)
    assert row.result is not None and row.result["checkpoint"] == run
    assert (folder / "log.txt").read_text().count("--- attempt") == 1
    assert [line["updates"] for line in _outcome(folder)[0]] == [1, 2, 3, 4]
