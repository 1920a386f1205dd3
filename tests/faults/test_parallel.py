"""Processes that share one run's updates are asked to stop, or one of them is killed."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from backend.data.episodes import frames_only, write_episode
from backend.runs.processes import processes_of_run
from tests.support.waiting import until


@pytest.mark.long
def test_a_run_loses_no_step_when_it_is_asked_to_stop_and_says_that_a_process_was_lost(tmp_path: Path) -> None:
    videos, out = tmp_path / "videos", tmp_path / "run"
    videos.mkdir()
    for number in range(4):
        image = np.random.default_rng(number).integers(0, 255, (12, 64, 64, 3), np.uint8)
        write_episode(videos / f"episode-{number:06d}.npz", frames_only(image))
    stage = [sys.executable, "-m", "backend", "pretrain", "--out", str(out), "--json", "--processes", "2"]
    rows = ["--set", "batch=8", "--set", "length=6", "--set", "log_every=1", "--set", "updates=100000"]
    environment = os.environ | {"DISWM_HOME": str(tmp_path), "OMP_NUM_THREADS": "1", "DISWM_RUN_ID": tmp_path.name}

    def begun(*further: str) -> subprocess.Popen[str]:
        known = lines(out)
        run = subprocess.Popen([*stage, *rows, *further], env=environment, stderr=subprocess.PIPE, text=True)
        until(lambda: lines(out) > known + 3)
        return run

    run = begun("--set", f"dataset={videos}")
    for process in processes_of_run(tmp_path, tmp_path.name):
        os.kill(process, signal.SIGTERM)
    assert run.communicate(timeout=60)[1] and run.returncode == 143
    stopped_at = lines(out)
    assert [folder.name for folder in (out / "resume").iterdir()] == [f"update-{stopped_at:09d}"]

    run = begun("--resume")
    (helper,) = set(children(run.pid)) & set(processes_of_run(tmp_path, tmp_path.name))
    os.kill(helper, signal.SIGKILL)
    assert "another process of this run has ended" in run.communicate(timeout=60)[1]
    assert run.returncode == 1
    assert json.loads((out / "error.json").read_text())["type"] == "process_lost"


def lines(out: Path) -> int:
    path = out / "metrics.jsonl"
    return path.read_text().count('"phase": "pretrain"') if path.exists() else 0


def children(process: int) -> list[int]:
    """Those that compute: spawned processes other than the tracker of resources."""
    found = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(child) for child in found if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]
