"""Whom does the gate of vid2act heed, and does it help? Three teachers, of which one is of the student's task.

python -m benchmarks.teachers --out .diswm/teachers            (about ten minutes of one CPU core)
python -m benchmarks.teachers --out /tmp/few --updates 20      (to see that all of it works)

Recordings of three tasks; on each a world model learns, with actions, as a teacher. Then students of the first task
learn from recordings of it under other colours: without teachers, with the released gate, and with ours. Measured on
held-out recordings: the weight of the teacher of the student's task, and the image loss. Results go to
benchmarks/results/teachers.md.
"""

import argparse
import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from backend.data.checkpoint import TEACHERS
from backend.data.episodes import Episode, read_episodes
from backend.data.replay import Replay
from backend.pipeline.builder import build_settings
from backend.pipeline.finetune import Finetuning
from backend.pipeline.methods.build import build_parts
from backend.pipeline.methods.parts import Parts, Source, target_of
from backend.pipeline.publish import clip_of
from backend.pipeline.settings import FinetuneSettings
from benchmarks.stages import RESULTS, stage
from benchmarks.table import processor
from models.types import normalise

TASKS = ("cartpole-swingup", "reacher-easy", "finger-spin")
EPISODES, STEPS, HELD_OUT = 60, 24, 12
ARMS = {
    "no teachers": {"method": "diswm-no-distillation"},
    "released gate": {"method": "vid2act", "teachers_gate": "linear"},
    "ours": {"method": "vid2act", "teachers_gate": "seeing"},
}


class Result(NamedTuple):
    """Of one student: image loss on held-out episodes in nats per frame, and what its gate does there."""

    arm: str
    image: float
    weights: list[float]
    moved: float | None


def main() -> None:
    """Records, trains teachers and students, and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(".diswm/teachers"))
    parser.add_argument("--updates", type=int, default=400)
    parser.add_argument("--seeds", nargs="+", type=int, default=(0, 1))
    chosen = parser.parse_args()
    sources = [_teacher(chosen.out, task, chosen.updates) for task in TASKS]
    source = sources[0]._replace(others=tuple(sources[1:]))
    episodes = _recorded(chosen.out, TASKS[0], seed=100)
    results = [
        _student(arm, source, episodes, chosen.updates, seed, chosen.out) for arm in ARMS for seed in chosen.seeds
    ]
    text = _table(results, chosen.updates)
    print(text)
    (RESULTS if chosen.updates >= 100 else chosen.out).joinpath("teachers.md").write_text(text)


def _recorded(out: Path, task: str, seed: int) -> list[Episode]:
    """Short episodes under smooth random actions, each in colours of its own."""
    folder = out / f"{task}-{seed}"
    if not folder.exists():
        wanted = {"environment": task, "distraction": "episode", "episodes": EPISODES, "episode_steps": STEPS}
        stage("collect", folder, seed, wanted, False, preset="tiny")
    return list(read_episodes(folder / "dataset"))


def _teacher(out: Path, task: str, updates: int) -> Source:
    """A world model of a task, and the clip that a checkpoint of it would carry."""
    episodes = _recorded(out, task, seed=1)
    actions = episodes[0].action.shape[1]
    settings = _settings(task, {"method": "diswm-no-distillation"}, updates)
    parts = build_parts(settings, None, actions, seed=7)
    _learn(settings, parts, episodes[HELD_OUT:], updates, seed=7)
    return Source(parts.world_model, actions, clip_of(episodes[:HELD_OUT]), task)


def _student(arm: str, source: Source, episodes: list[Episode], updates: int, seed: int, out: Path) -> Result:
    settings = _settings(TASKS[0], ARMS[arm], updates)
    parts = build_parts(settings, source if settings.method == "vid2act" else None, episodes[0].action.shape[1], seed)
    _learn(settings, parts, episodes[HELD_OUT:], updates, seed)
    found = parts.findings[TEACHERS](clip_of(episodes[:HELD_OUT]), out) if parts.findings else {}
    return Result(arm, _image_loss(parts, episodes[:HELD_OUT]), found.get("mean", []), found.get("moved"))


def _settings(task: str, arm: dict[str, str], updates: int) -> FinetuneSettings:
    settings = build_settings("finetune", "tiny", {"environment": task, "initialisation": "scaled", **arm})
    assert isinstance(settings, FinetuneSettings)
    return settings.model_copy(update={"behaviour_after": updates})


def _learn(settings: FinetuneSettings, parts: Parts, episodes: list[Episode], updates: int, seed: int) -> None:
    """The world model and what is learned along with it; no behaviour, nothing acts."""
    run, lessons = Finetuning(settings, parts, seed, "cpu"), parts.lessons
    frames = sum(len(episode.image) for episode in episodes)
    targets = (lambda image: target_of(lessons, image)) if lessons else None
    replay = Replay(parts.world_model.config.action_size, frames, torch.device("cpu"), targets)
    replay.extend(episodes)
    for _ in range(updates):
        run.learn(replay.sample(settings.batch, settings.length, run.randomness.numpy), 0)
    run.check()


@torch.no_grad()
def _image_loss(parts: Parts, episodes: list[Episode]) -> float:
    """Half the squared error of the decoded states, by their means, in nats per frame."""
    model, losses = parts.world_model, []
    for episode in episodes:
        image = normalise(torch.from_numpy(episode.image))
        states = model.observe(model.encode(image).mean[None], torch.from_numpy(episode.action)[None]).states
        losses.append(float(0.5 * (model.decode(states.feature[0]) - image).square().sum((1, 2, 3)).mean()))
    return float(np.mean(losses))


def _table(results: list[Result], updates: int) -> str:
    today = datetime.datetime.now(datetime.UTC).date()
    lines = [
        "# Whom the gate of vid2act heeds",
        "",
        f"`python -m benchmarks.teachers --updates {updates}`, {today}, {processor()}, one thread. Teachers: "
        f"{', '.join(TASKS)}, {updates} updates each; students of {TASKS[0]} in other colours, as many updates; "
        f"{HELD_OUT} held-out episodes. Equal weights would be {1 / len(TASKS):.2f}. Changed: mean change of a weight "
        "beside the student of another episode. One line is one seed.",
        "",
        "| student | image loss, nats per frame | weights in the order of the teachers | changed |",
        "|---|---|---|---|",
    ]
    for result in results:
        weights = ", ".join(f"{weight:.2f}" for weight in result.weights)
        moved = "" if result.moved is None else f"{result.moved:.3f}"
        lines.append(f"| {result.arm} | {result.image:.1f} | {weights} | {moved} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
