"""Metrics are written to disk before a save, so that after a power cut no save is ahead of its curves."""

import json
import os
from pathlib import Path

import pytest

from backend.pipeline.builder import build_settings
from backend.pipeline.report import METRICS, Reporter
from backend.pipeline.stages import run_stage

NETWORKS = {"latents": 2, "stoch": 2, "deter": 4, "hidden": 4, "batch": 1, "length": 2}
SETTINGS = {
    "collect": {"episodes": 4, "episode_steps": 8, "workers": 1, "action_repeat": 16},
    "pretrain": NETWORKS | {"held_out": 2, "updates": 4, "checkpoint_every": 2, "log_every": 1},
    "finetune": NETWORKS | {
        "action_repeat": 16, "units": 4, "horizon": 2, "agent_steps": 70, "prefill": 60, "train_every": 2,
        "first_updates": 2, "checkpoint_every": 2, "log_every": 1, "evaluate_every": 1000, "evaluate_episodes": 1,
        "held_out": 2, "held_out_steps": 4, "replay_capacity": 1_100,
    },
}  # fmt: skip


class PowerCuts:
    """The files after a power cut: the last synced metrics, and each save as of when it was renamed."""

    def __init__(self, out: Path, patch: pytest.MonkeyPatch) -> None:
        self.out, self.lost = out, dict[str, int]()  # save -> lines written before it that the cut would take
        self._real, self._durable = os.fsync, 0
        patch.setattr("os.fsync", self._sync)

    def _sync(self, descriptor: int) -> None:
        self._real(descriptor)
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        metrics = self.out / METRICS
        written = metrics.read_text().count("\n") if metrics.exists() else 0
        if path == metrics or (path.parent == self.out and path.name.endswith(METRICS)):  # in place, or before a rename
            self._durable = written
        if path.name == "resume":  # the folder, once a save has its name in it
            for save in path.glob("update-*"):
                self.lost.setdefault(f"{path.parent.name}/{save.name}", written - self._durable)


def run(out: Path, patch: pytest.MonkeyPatch) -> PowerCuts:
    """A whole pipeline, small, with every sync of a file on record."""
    cuts = PowerCuts(out, patch)
    with Reporter(out, quiet=True).listening() as reporter:
        settings = build_settings("pipeline", "tiny", SETTINGS)
        run_stage("pipeline", settings, out=out, home=out.parent, seed=0, device="cpu", reporter=reporter)
    return cuts


def test_no_save_is_durable_before_the_lines_that_lead_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cuts = run(tmp_path / "run", monkeypatch)
    assert {save.split("/")[0] for save in cuts.lost} == {"pretrain", "finetune"} and len(cuts.lost) >= 4
    assert set(cuts.lost.values()) == {0}
    lines = [json.loads(line) for line in (tmp_path / "run" / METRICS).read_text().splitlines()]
    assert {"pretrain", "finetune", "evaluate"} <= {line["phase"] for line in lines}


def test_without_it_a_power_cut_would_take_lines_that_no_resume_writes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control of the test above."""
    monkeypatch.setattr(Reporter, "sync", lambda _reporter: None)
    assert max(run(tmp_path / "run", monkeypatch).lost.values()) > 0
