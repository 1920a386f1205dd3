"""What a second process is worth on one machine: updates of pretraining per second by 1 and by 2 processes.

python -m benchmarks.processes --preset paper     (some minutes)

The cores are divided among the processes. Needs a machine without other work. Writes benchmarks/results/processes.md.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from backend.data.episodes import frames_only, read_dataset_info, write_dataset_info, write_episode
from benchmarks.table import RESULTS, processor

EPISODES, FRAMES = 16, 60
WARMING = 5  # updates that do not count


class Rate(NamedTuple):
    """Updates per second, and the loss after the last, which shows that all learned the same."""

    processes: int
    updates: float
    image: float


def main() -> None:
    """Measures, prints and saves."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--updates", type=int, default=40)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 1, 2])
    parser.add_argument("--out", type=Path, default=RESULTS / "processes.md")
    chosen = parser.parse_args()
    before = os.getloadavg()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        fill(home / "datasets" / "noise")
        rates = [
            measured(home, home / f"run-{index}", chosen.preset, chosen.updates, number)
            for index, number in enumerate(chosen.processes)
        ]
    text = "\n".join([*title(chosen.preset, chosen.updates, before), *map(line, rates)]) + "\n"
    print(text)
    chosen.out.write_text(text)


def fill(folder: Path) -> None:
    """A data set of noise: what is learned does not matter here."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    for number in range(EPISODES):
        image = generator.integers(0, 255, (FRAMES, 64, 64, 3), dtype=np.uint8)
        write_episode(folder / f"episode-{number:06d}.npz", frames_only(image))
    write_dataset_info(read_dataset_info(folder))


def measured(home: Path, out: Path, preset: str, updates: int, processes: int) -> Rate:
    """The rate of one run with so many processes."""
    total = WARMING + updates
    command = [sys.executable, "-m", "backend", "pretrain", "--preset", preset, "--out", str(out)]
    for name, value in {"dataset": "noise", "updates": total, "log_every": 1, "checkpoint_every": total}.items():
        command += ["--set", f"{name}={value}"]
    threads = str(max(1, (os.cpu_count() or 1) // processes))
    environment = os.environ | {"DISWM_HOME": str(home), "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
    subprocess.run([*command, "--processes", str(processes)], env=environment, check=True, stdout=subprocess.DEVNULL)
    lines = [json.loads(text) for text in (out / "metrics.jsonl").read_text().splitlines()]
    seen = {line["updates"]: line for line in lines if line["phase"] == "pretrain"}
    seconds = seen[total]["time"] - seen[WARMING]["time"]
    return Rate(processes, updates / seconds, seen[total]["image"])


def title(preset: str, updates: int, load: tuple[float, float, float]) -> list[str]:
    """The heading and the head of the table."""
    about = f"{processor()}, {os.cpu_count()} cores, torch {torch.__version__}"
    busy = ", ".join(f"{value:.1f}" for value in load)
    return [
        f"# Pretraining by several processes, {datetime.date.today()}",
        "",
        f"`python -m benchmarks.processes --preset {preset} --updates {updates}` on {about}, shared by the processes; "
        f"load of the machine before: {busy} (1, 5, 15 minutes).",
        "",
        "| processes | updates per second | loss of pictures after the last |",
        "|---|---|---|",
    ]


def line(rate: Rate) -> str:
    """A line of the table."""
    return f"| {rate.processes} | {rate.updates:.3g} | {rate.image:.6g} |"


if __name__ == "__main__":
    main()
