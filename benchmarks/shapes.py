"""Many short sequences or few long ones? The shipped cartpole model learns on from the same frames, cut differently.

python -m benchmarks.shapes --out .diswm/shapes            # about 75 minutes of one core
python -m benchmarks.shapes --out .diswm/shapes --report   # what is there so far

Every batch has 96 frames and every update costs about the same. What the model and the average of its weights
(`averaging`) see goes to benchmarks/results/shapes.{json,md}, one entry per shape and seed as soon as it is there.
"""

import argparse
import datetime
import json
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from backend.data.catalogue import find_checkpoint
from backend.data.checkpoint import load_checkpoint
from backend.data.episodes import Episode, read_episodes
from backend.data.files import write_json
from backend.data.replay import Replay
from backend.interpret.quality import measure_quality
from backend.pipeline.finetune import Finetuning
from backend.pipeline.methods.build import build_parts
from backend.pipeline.methods.parts import Source, target_of
from backend.pipeline.settings import FinetuneSettings
from backend.settings import get_settings
from benchmarks.stages import RESULTS, Run, heading, spread, stage
from benchmarks.table import processor

MODEL, TEACHER, ENVIRONMENT = "cartpole-swingup-policy", "finger-episode-sight", "cartpole-swingup"
SHAPES = ((4, 24), (8, 12), (12, 8))
UPDATES, AVERAGING, RATE = 2_000, 0.998, 5e-4
HELD_OUT = 60  # of each kind of episode
VIDEOS = {
    "environment": ENVIRONMENT,
    "distraction": "episode",
    "look": "near",
    "action_repeat": 2,
    "episode_steps": 50,
}
RECORDED = {"random": 700, "expert": 700}  # episodes
AHEAD = "15"


def main() -> None:
    """Runs what is missing, then reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(".diswm/shapes"))
    parser.add_argument("--seeds", nargs="+", type=int, default=(0, 1))
    parser.add_argument("--report", action="store_true", help="only report what is there")
    parser.add_argument("--smoke", action="store_true", help="a few updates, to see that all of it works")
    chosen = parser.parse_args()
    folder = chosen.out if chosen.smoke else RESULTS
    file = folder / "shapes.json"
    runs: list[Run] = json.loads(file.read_text())["runs"] if file.exists() else []
    if not chosen.report:
        folder.mkdir(parents=True, exist_ok=True)
        learned, held_out = record(chosen.out, chosen.smoke)
        for seed in chosen.seeds:
            for shape in SHAPES:
                if not any(run["seed"] == seed and run["shape"] == list(shape) for run in runs):
                    runs.append(learn(shape, seed, learned, held_out, 3 if chosen.smoke else UPDATES))
                    write_json(file, {"recorded": RECORDED, "videos": VIDEOS, "updates": UPDATES, "runs": runs})
    if runs:
        text = _table(runs)
        (folder / "shapes.md").write_text(text)
        print(text)


def record(out: Path, smoke: bool) -> tuple[list[Episode], list[Episode]]:
    """Random and expert episodes of colours that the shipped model has not seen: to learn from, and held out."""
    learned, held_out = list[Episode](), list[Episode]()
    for seed, (policy, count) in enumerate(RECORDED.items(), 100):
        settings = {**VIDEOS, "policy": policy, "episodes": count}
        videos = stage("collect", out / policy, seed, settings, smoke)
        episodes = list(read_episodes(next(videos.rglob("dataset.json")).parent))
        withheld = min(HELD_OUT, len(episodes) // 2)
        learned += episodes[withheld:]
        held_out += episodes[:withheld]
    return learned, held_out


def learn(
    shape: tuple[int, int], seed: int, learned: Sequence[Episode], held_out: Sequence[Episode], updates: int
) -> Run:
    """What the shipped model sees after so many more updates, its weights and their average."""
    torch.set_num_threads(1)
    shipped, teacher = (load_checkpoint(find_checkpoint(get_settings().home, name)) for name in (MODEL, TEACHER))
    made = json.loads((shipped.info.folder / "settings.json").read_text())["settings"]
    batch, length = shape
    more = {"batch": batch, "length": length, "learning_rate": RATE, "cooling": 0.0, "averaging": AVERAGING}
    settings = FinetuneSettings.model_validate(made | more | {"behaviour_after": 10**8})
    source = Source(teacher.video_model, teacher.clip.action.shape[-1], teacher.clip, TEACHER)
    run = Finetuning(settings, build_parts(settings, source, 1, seed), seed, "cpu")
    run.agent.world_model.load_state_dict(shipped.model.state_dict())
    begun = {name: part for name, part in run.state_dict().items() if name != "average"}
    run.load_state_dict(begun | {"updates": made["seeing"] + made["settling"]})
    frames = sum(len(episode.image) for episode in learned)
    replay = Replay(1, frames, "cpu", partial(target_of, run.parts.lessons), motion=settings.motion_weight > 0)
    replay.extend(learned)
    before, seen = _seen(run, held_out), min(length, len(learned[0].image))  # episodes of --smoke are shorter
    for update in range(updates):
        run.learn(replay.sample(batch, seen, run.randomness.numpy), settings.agent_steps)
        if not (update + 1) % 500:
            print(f"{batch} x {length}, seed {seed}: {update + 1:,} of {updates:,} updates", flush=True)
    return {
        "seed": seed,
        "shape": list(shape),
        "updates": updates,
        "day": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "before": before["average"],
        **_seen(run, held_out),
    }


def _seen(run: Finetuning, held_out: Sequence[Episode]) -> dict[str, Any]:
    """What the weights and their average see of the pole in held-out episodes."""
    found: dict[str, Any] = {}
    for name, agent in (("weights", run.agent), ("average", run.published)):
        model = agent.world_model.eval()
        quality = measure_quality(model, held_out, ENVIRONMENT, source="held-out episodes", most=len(held_out))
        found[name] = quality["parts"]["pole"]
    run.agent.train()
    return found


def _table(runs: Sequence[Run]) -> str:
    lines = [
        heading("Shapes of batches and the pole", (run["day"] for run in runs)),
        "",
        f"`python -m benchmarks.shapes` on {processor()}, {os.cpu_count()} cores, torch {torch.__version__}. The world "
        f"model of `{MODEL}` after {UPDATES:,} more updates of 96 frames at a learning rate of {RATE:g}, from "
        f"{sum(RECORDED.values()) - 2 * HELD_OUT:,} new episodes of 50 frames, half of them random, half of them an "
        "expert's. Pixels of the pole within 40 grey levels on held-out episodes of both kinds: mean over seeds "
        f"[least, most]. Average: of the weights, {AVERAGING:g} of which stays at each update. Mean image: that of the "
        "other episodes, which every model has to beat.",
        "",
        f"| sequences x frames | seeds | weights: observed | {AHEAD} steps ahead | average: observed | {AHEAD} ahead |",
        "|---|---|---|---|---|---|",
    ]
    for shape in SHAPES:
        own = [run for run in runs if run["shape"] == list(shape)]
        if own:
            cells = [cell for name in ("weights", "average") for cell in _cells([run[name] for run in own])]
            lines.append(f"| {shape[0]} x {shape[1]} | {len(own)} | {' | '.join(cells)} |")
    before = _cells([run["before"] for run in runs])
    lines.append(f"| none: as it ships | - | {' | '.join(before)} | - | - |")
    guess = spread([run["before"]["mean_image"] for run in runs], "{:.1%}")
    lines.append(f"| mean image | - | {guess} | - | - | - |")
    return "\n".join(lines) + "\n"


def _cells(parts: Sequence[dict[str, Any]]) -> list[str]:
    """Shares of the pole's pixels that are right: observed, and imagined."""
    seen, ahead = [part["observed"] for part in parts], [part["imagined"][AHEAD] for part in parts]
    return [spread(values, "{:.1%}") for values in (seen, ahead)]


if __name__ == "__main__":
    main()
