"""A small home for the page's tests: runs in three states, two data sets, and two shipped checkpoints beside it."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sqlmodel import Session

from backend.data.checkpoint import save_checkpoint
from backend.data.clip import Clip
from backend.data.episodes import Episode, frames_only, read_dataset_info, write_dataset_info, write_episode
from backend.data.places import SHIPPED
from backend.data.run_start import RunStart, write_run_start
from backend.pipeline.builder import build_settings
from backend.runs.database import open_database
from backend.runs.states import RunState
from backend.runs.table import RunRow
from backend.settings import Settings
from models.config import VideoModelConfig
from models.traversal import LatentStatistics
from models.types import normalise
from models.video_model import VideoModel
from tests.support.recorded import CARTPOLE, FINGER

HOUR = 3600.0
COMES_WITH, HOME = "shipped", "home"  # folders: what the application comes with, and its state
STEPS = (100, 200, 300)  # updates of the checkpoints of run-cartpole
BROKEN = {
    "type": "diverged",
    "message": "The image loss became NaN at update 412.",
    "hint": "Lower model_lr (now 0.003) and resume: the last finite checkpoint is kept.",
}


def furnish(folder: Path, clip: Clip) -> None:
    """Writes both folders. The run that goes on has a worker that is heard of for a day to come, but does nothing."""
    home = folder / HOME
    (folder / COMES_WITH).mkdir(parents=True)
    for name in (FINGER, CARTPOLE):
        (folder / COMES_WITH / name).symlink_to(SHIPPED / name)
    for name in ("cartpole-clips", "my-videos"):
        (home / "datasets" / name).mkdir(parents=True)
    for number in range(12):
        write_episode(home / f"datasets/cartpole-clips/episode-{number:06d}.npz", _episode(clip, number % 3))
        write_episode(home / f"datasets/my-videos/episode-{number:06d}.npz", frames_only(clip.image[number % 3]))
    _describe(home / "datasets" / "my-videos", kind="clips", created_at="2026-11-22T20:00:00+00:00")
    known = {"environment": "cartpole-swingup", "created_at": "2026-11-23T20:00:00+00:00"}
    _describe(home / "datasets" / "cartpole-clips", kind="collected", **known)
    add_run(home, "run-broken", "pretrain", RunState.DIVERGED, error=BROKEN)
    add_run(home, "run-cartpole", "pretrain", RunState.SUCCEEDED, result={"checkpoint": "run-cartpole"})
    for steps in STEPS:
        _save_model(home / f"runs/run-cartpole/checkpoints/update-{steps:09d}", clip, steps)
    add_run(home, "run-walker", "finetune", RunState.RUNNING, worker="worker-1", heartbeat_at=time.time() + 24 * HOUR)
    progress = {"phase": "finetune", "done": 25_000, "total": 100_000, "done_before": 0}
    progress |= {"started": time.time() - HOUR, "updated": time.time()}
    (home / "runs" / "run-walker" / "progress.json").write_text(json.dumps(progress))


def add_run(home: Path, id: str, stage: str, state: RunState, **values: Any) -> None:
    """A run of the preset `small` that began an hour ago, with curves and a log; `values` of its row may differ."""
    begun = time.time() - HOUR
    overrides = {"dataset": "cartpole-clips"} if stage == "pretrain" else {}
    settings = build_settings(stage, "small", overrides).model_dump(mode="json")
    ended = begun + HOUR / 2 if state not in (RunState.RUNNING, RunState.QUEUED) else None
    usual: dict[str, Any] = {"id": id, "name": id, "stage": stage, "preset": "small", "seed": 0, "device": "cpu"}
    usual |= {"settings": settings, "overrides": overrides, "created_at": time.time(), "queued_at": begun}
    usual |= {"started_at": begun, "finished_at": ended}
    engine = open_database(Settings(home=home))
    with Session(engine) as session:
        session.add(RunRow(state=state, **(usual | values)))
        session.commit()
    engine.dispose()
    folder = home / "runs" / id
    folder.mkdir(parents=True)
    write_run_start(folder, RunStart(stage, values.get("seed", 0), settings, id, "small"))
    lines = (SHIPPED / (CARTPOLE if stage == "finetune" else FINGER) / "metrics.jsonl").read_text().splitlines()
    (folder / "metrics.jsonl").write_text("\n".join(lines[:50]) + "\n")
    (folder / "log.txt").write_text("--- attempt 1\ncollecting\n")


def _episode(clip: Clip, number: int) -> Episode:
    video = frames_only(clip.image[number])
    return video._replace(
        action=clip.action[number, :, :1],
        reward=clip.reward[number],
        factors=clip.factors[number],
        factor_names=clip.factor_names,
    )


def _describe(folder: Path, **known: Any) -> None:
    """Makes a folder of episodes a data set."""
    info = read_dataset_info(folder)
    write_dataset_info(type(info)(**(vars(info) | known)))


@torch.no_grad()
def _save_model(folder: Path, clip: Clip, steps: int) -> None:
    """A checkpoint with random weights."""
    torch.manual_seed(steps)
    model = VideoModel(VideoModelConfig(latents=6, stoch=8, deter=16, hidden=16, kernels=(8, 8, 8, 8, 16))).eval()
    seen = model.encode(normalise(torch.from_numpy(clip.image)).flatten(0, 1))
    config: dict[str, Any] = {"name": "run-cartpole", "stage": "pretrain", "environment": "cartpole-swingup"}
    config |= {"steps": steps, "created_at": f"2026-01-02T03:04:{steps // 100:02}+00:00", "seed": 0, "settings": {}}
    save_checkpoint(
        folder,
        model=model,
        actor_critic=None,
        config=config,
        clip=clip,
        statistics=LatentStatistics.of(np.asarray(seen.mean), np.asarray(seen.logvar)),
    )
