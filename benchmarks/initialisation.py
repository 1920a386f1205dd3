"""What are scaled initial weights worth? Image loss of the video model from torch's defaults and from scaled ones.

python -m benchmarks.initialisation --out .diswm/initialisation            # about an hour of one core
python -m benchmarks.initialisation --out .diswm/initialisation --report   # what is there so far

Both see the same batches of the same videos. Every run has a folder of its own; started again, each goes on where it
stopped. The table goes to benchmarks/results/initialisation-DATE.md.
"""

import argparse
import datetime
import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import torch

from backend.pipeline.report import METRICS
from benchmarks.stages import RESULTS, stage
from benchmarks.table import processor

INITIALISATIONS = ("torch", "scaled")
AVERAGED = 100  # updates before a mark whose losses are averaged
MARKS = (250, 500, 1_000, 2_000)
SMALL = {"latents": 8, "stoch": 16, "deter": 64, "hidden": 64, "first_channels": 8}
PAPER = {"latents": 20, "stoch": 50, "deter": 200, "hidden": 200}
LEARNING = {"batch": 16, "length": 4, "learning_rate": 1e-3, "beta": 0.1, "dynamics_weight": 0.2}
SCHEDULE = {"held_out": 2, "checkpoint_every": 500, "log_every": 10}


class Case(NamedTuple):
    """Videos, sizes of the networks, and how many updates are made."""

    environment: str
    networks: str
    sizes: dict[str, Any]
    updates: int

    @property
    def label(self) -> str:
        """A name for folders."""
        return f"{self.environment}-{self.networks}"


CASES = (
    Case("square-world", "small", SMALL, 2_000),
    Case("finger-spin", "small", SMALL, 2_000),
    Case("finger-spin", "paper", PAPER, 500),
)


def main() -> None:
    """Runs what is missing, then reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(".diswm/initialisation"))
    parser.add_argument("--finger", type=Path, help="folder of finger-spin videos; without it they are collected")
    parser.add_argument("--seeds", nargs="+", type=int, default=(0, 1, 2))
    parser.add_argument("--side-by-side", type=int, default=2, help="runs at once, one thread each")
    parser.add_argument("--report", action="store_true", help="only report what is there")
    parser.add_argument("--smoke", action="store_true", help="a few updates, to see that all of it works")
    chosen = parser.parse_args()
    if not chosen.report:
        videos = {name: collected(chosen.out, name, chosen.smoke) for name in ("square-world",)}
        videos["finger-spin"] = chosen.finger or collected(chosen.out, "finger-spin", chosen.smoke)
        todo = [(case, start, seed) for seed in chosen.seeds for case in CASES for start in INITIALISATIONS]
        with ThreadPoolExecutor(chosen.side_by_side) as pool:
            for _ in pool.map(lambda run: learn(chosen.out, *run, videos[run[0].environment], chosen.smoke), todo):
                pass
    report(chosen.out, chosen.seeds, chosen.out if chosen.smoke else RESULTS)


def collected(out: Path, environment: str, smoke: bool) -> Path:
    """Videos of an environment, collected once."""
    wanted = {"environment": environment, "distraction": "episode", "episodes": 400, "episode_steps": 20}
    return stage("collect", out / f"videos-{environment}", 0, wanted, smoke)


def learn(out: Path, case: Case, start: str, seed: int, videos: Path, smoke: bool) -> None:
    """One video model from one kind of initial weights."""
    settings = {**LEARNING, **SCHEDULE, **case.sizes, "updates": case.updates, "initialisation": start}
    stage("pretrain", _folder(out, case, start, seed), seed, {**settings, "dataset": str(videos)}, smoke)


def report(out: Path, seeds: Sequence[int], folder: Path) -> None:
    """Writes the table of those runs that have come past a mark."""
    lines = [f"# Initial weights, {datetime.datetime.now(datetime.UTC).date().isoformat()}", "", *_heading(), ""]
    marks = " | ".join(f"at {mark:,}" for mark in MARKS)
    lines += [f"| videos | networks | initial weights | seeds | {marks} |", "|" + "---|" * (4 + len(MARKS))]
    for case in CASES:
        for start in INITIALISATIONS:
            curves = [_losses(_folder(out, case, start, seed)) for seed in seeds]
            cells = [_cell(curves, mark) for mark in MARKS]
            begun = sum(bool(curve) for curve in curves)
            lines.append(f"| {case.environment} | {case.networks} | {start} | {begun} | {' | '.join(cells)} |")
    folder.mkdir(parents=True, exist_ok=True)
    text = "\n".join(lines) + "\n"
    (folder / f"initialisation-{datetime.datetime.now(datetime.UTC).date().isoformat()}.md").write_text(text)
    print(text)


def _cell(curves: Sequence[dict[int, float]], mark: int) -> str:
    """Mean image loss of the updates before a mark, over seeds, with the range where there are several."""
    reached = [list(_before(curve, mark)) for curve in curves if curve and max(curve) >= mark]
    values = [mean(losses) for losses in reached if losses]
    if not values:
        return ""
    spread = f" ({min(values):.1f} to {max(values):.1f})" if len(values) > 1 else ""
    return f"{mean(values):.1f}{spread}"


def _before(curve: dict[int, float], mark: int) -> Iterator[float]:
    return (loss for update, loss in curve.items() if mark - AVERAGED < update <= mark)


def _losses(run: Path) -> dict[int, float]:
    """Image loss by update, as the run's log has it."""
    path = run / METRICS
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return {line["updates"]: line["image"] for line in lines if "image" in line}


def _folder(out: Path, case: Case, start: str, seed: int) -> Path:
    return out / f"{case.label}-{start}-seed{seed}"


def _heading() -> list[str]:
    return [
        f"`python -m benchmarks.initialisation` on {processor()}, {os.cpu_count()} cores shared with other work, "
        f"torch {torch.__version__}.",
        f"Image loss in nats a frame, mean of the {AVERAGED} updates before the mark; videos under `episode`, batches "
        f"of {LEARNING['batch']} x {LEARNING['length']} frames, learning rate {LEARNING['learning_rate']:g}, "
        f"beta {LEARNING['beta']:g}, dynamics weight {LEARNING['dynamics_weight']:g}; both kinds see the same batches.",
    ]


if __name__ == "__main__":
    main()
