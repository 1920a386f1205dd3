"""A pipeline whose real worker is killed resumes and ends as if it had not been interrupted."""

import json
from pathlib import Path
from typing import Any

import pytest

from backend.data.checkpoint import load_checkpoint, read_info
from backend.data.files import verify_folder
from backend.runs.folders import read_progress, run_folder
from backend.runs.metrics import read_metrics
from backend.runs.states import RunState

NETWORKS = {"latents": 2, "stoch": 2, "deter": 4, "hidden": 4, "batch": 1, "length": 2}
SETTINGS = {
    "collect": {"episodes": 4, "episode_steps": 8, "workers": 1, "action_repeat": 16},
    "pretrain": NETWORKS | {"held_out": 2, "updates": 120, "checkpoint_every": 60, "log_every": 20},
    "finetune": NETWORKS | {
        "action_repeat": 16, "units": 4, "horizon": 2, "agent_steps": 90, "prefill": 60, "train_every": 2,
        "first_updates": 4, "checkpoint_every": 4, "log_every": 1, "evaluate_every": 1000, "evaluate_episodes": 1,
        "held_out": 2, "held_out_steps": 4, "replay_capacity": 1_100,
    },
}  # fmt: skip


def _killed_in(shop: Any, run: str, phase: str) -> None:
    """Start a worker and kill it once the run is in a phase of its pipeline."""
    worker = shop.fork("worker")
    shop.until(lambda: (read_progress(run_folder(shop.home, run)) or {}).get("phase") == phase)
    shop.kill(worker)


def _finish(shop: Any, run: str) -> Path:
    worker = shop.fork("worker")
    shop.until(lambda: shop.row(run).state in (RunState.SUCCEEDED, RunState.FAILED), 600)
    shop.kill(worker)
    assert shop.row(run).error is None
    return run_folder(shop.home, run)


def _outcome(folder: Path) -> tuple[list[Any], dict[str, bytes]]:
    """Metrics without the time, the frames that were collected and the weights of both models."""
    lines = [line | {"time": 0} for line in read_metrics(folder, 0).items]
    files = [*folder.glob("collect/dataset/*.npz")]
    files += [
        max(folder.glob(f"{stage}/checkpoints/update-*")) / "model.safetensors" for stage in ("pretrain", "finetune")
    ]
    return lines, {str(file.relative_to(folder)): file.read_bytes() for file in files}


@pytest.mark.slow
def test_a_pipeline_whose_worker_is_killed_goes_on_in_the_same_stage_and_ends_whole(shop: Any) -> None:
    run = shop.submit("pipeline", SETTINGS)
    _killed_in(shop, run, "pretrain")
    folder = _finish(shop, run)
    row = shop.row(run)
    assert (row.attempt, row.stalled) == (2, 0)
    assert row.result["checkpoint"] == run and row.result["dataset"] == f"{run}-collect"
    lines, files = _outcome(folder)
    assert [line["updates"] for line in lines if line["phase"] == "pretrain"] == list(range(20, 121, 20))
    assert len(files) == 4 + 2
    for checkpoint in folder.glob("*/checkpoints/update-*"):
        verify_folder(checkpoint)
        load_checkpoint(read_info(checkpoint, checkpoint.name, "run"))
    assert not list(folder.rglob(".partial-*"))
    log = (folder / "log.txt").read_text()
    assert log.count("collect: 0 of 4") == 1 and "collect: 4 of 4" in log  # nothing is collected twice
    assert "finetune: " in log and "pipeline is done" in log
    assert '"metrics"' not in log  # the result is for machines, and lies in result.json


@pytest.mark.long
def test_a_pipeline_whose_worker_is_killed_in_every_phase_equals_one_that_was_left_alone(
    shop: Any, ledger: Any
) -> None:
    alone = _outcome(_finish(shop, shop.submit("pipeline", SETTINGS)))
    run = shop.submit("pipeline", SETTINGS)
    phases = ("collect", "pretrain", "random steps", "finetune")
    for phase in phases:
        _killed_in(shop, run, phase)
    assert _outcome(_finish(shop, run)) == alone
    assert json.dumps(alone[0])  # there is something to compare
    tried = f"worker killed in each of {len(phases)} phases"
    ledger.write("a pipeline loses nothing", "curve, frames and weights equal", tried, "equal, bit for bit")
