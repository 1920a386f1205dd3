"""Which image networks see the pole? Video models of cartpole swingup that differ in their image networks alone.

python -m benchmarks.vision --out .diswm/vision            # about 50 minutes of one core
python -m benchmarks.vision --out .diswm/vision --report   # what is there so far

All learn from the same videos with low KL weights and short sequences, as at the beginning of preset `small`. Every run
has a folder of its own; started again, each goes on where it stopped. What they see goes to
benchmarks/results/vision.{json,md}.
"""

import argparse
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch

from backend.data.files import write_json
from benchmarks.stages import RESULTS, Run, earlier, heading, joined, last_day, seen, spread, stage
from benchmarks.table import processor

NETWORKS: dict[str, dict[str, Any]] = {
    "DreamerV2's": {"vision": "conv"},
    "the paper's": {"vision": "vae", "first_channels": 32},
    "the paper's, first convolution of 16": {"vision": "vae", "first_channels": 16},
    "the same with 128 latents": {"vision": "vae", "first_channels": 16, "latents": 128},
}
UPDATES = 2_000
VIDEOS = {
    "environment": "cartpole-swingup",
    "distraction": "episode",
    "look": "near",
    "action_repeat": 2,
    "episodes": 600,
    "episode_steps": 50,
}
LEARNING = {
    "seeing": 2 * UPDATES,
    "learning_rate": 5e-4,
    "motion_weight": 16.0,
    "coarse_weight": 1.0,
    "overshooting": 0.0,
    "cooling": 0.0,
    "updates": UPDATES,
    "held_out": 60,
    "checkpoint_every": UPDATES,
}


def main() -> None:
    """Runs what is missing, then reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(".diswm/vision"))
    parser.add_argument("--seeds", nargs="+", type=int, default=(0, 1))
    parser.add_argument("--side-by-side", type=int, default=2, help="runs at once, one thread each")
    parser.add_argument("--report", action="store_true", help="only report what is there")
    parser.add_argument("--smoke", action="store_true", help="a few updates, to see that all of it works")
    chosen = parser.parse_args()
    if not chosen.report:
        videos = stage("collect", chosen.out / "videos", 0, VIDEOS, chosen.smoke)
        todo = [(name, seed) for name in NETWORKS for seed in chosen.seeds]
        with ThreadPoolExecutor(chosen.side_by_side) as pool:
            for _ in pool.map(lambda run: learn(chosen.out, *run, videos, chosen.smoke), todo):
                pass
    report(chosen.out, chosen.seeds, chosen.out if chosen.smoke else RESULTS)


def learn(out: Path, name: str, seed: int, videos: Path, smoke: bool) -> None:
    """One video model with these image networks."""
    settings = {**LEARNING, **NETWORKS[name], "dataset": str(videos)}
    stage("pretrain", _folder(out, name, seed), seed, settings, smoke)


def report(out: Path, seeds: Sequence[int], folder: Path) -> None:
    """Writes the table of those runs that have published a checkpoint."""
    file = folder / "vision.json"
    learned = [_learned(_folder(out, name, seed), name, seed) for name in NETWORKS for seed in seeds]
    runs = joined(earlier(file), [run for run in learned if run], ("networks", "seed"))
    if not runs:
        return
    folder.mkdir(parents=True, exist_ok=True)
    write_json(file, {"videos": VIDEOS, "learning": LEARNING, "networks": NETWORKS, "runs": runs})
    text = _table(runs)
    (folder / "vision.md").write_text(text)
    print(text)


def _learned(run: Path, name: str, seed: int) -> Run:
    found = seen(run)
    return found and {"networks": name, "seed": seed, "day": last_day(run), **found}


def _table(runs: Sequence[Run]) -> str:
    lines = [
        heading("Image networks and the pole", (run["day"] for run in runs)),
        "",
        f"`python -m benchmarks.vision` on {processor()}, {os.cpu_count()} cores, torch {torch.__version__}. Video "
        f"models of cartpole swingup under `episode` with the near camera, {UPDATES:,} updates of as many frames each, "
        "from the same videos. Pixels within 40 grey levels in observed frames of held-out episodes: mean over seeds "
        "[least, most]. Mean image: that of the other episodes, which every model has to beat. Parameters: of the "
        "whole video model.",
        "",
        "| image networks | seeds | pole | cart | parameters |",
        "|---|---|---|---|---|",
    ]
    for name in NETWORKS:
        own = [run for run in runs if run["networks"] == name]
        if own:
            shares = " | ".join(_cells(own, "observed"))
            lines.append(f"| {name} | {len(own)} | {shares} | {own[0]['parameters'] / 1e6:.1f} M |")
    lines.append(f"| mean image | - | {' | '.join(_cells(runs, 'mean_image'))} | - |")
    return "\n".join(lines) + "\n"


def _cells(runs: Sequence[Run], drawn_by: str) -> list[str]:
    """Shares of the pole's and of the cart's pixels that are right."""
    return [spread([run["parts"][part][drawn_by] for run in runs], "{:.1%}") for part in ("pole", "cart")]


def _folder(out: Path, name: str, seed: int) -> Path:
    kind = "-".join(str(value) for value in NETWORKS[name].values())
    return out / f"{kind}-seed{seed}"


if __name__ == "__main__":
    main()
