"""Does cost grow linearly? Each piece of work at three sizes, and what a replay of 500,000 frames takes in memory.

python -m benchmarks.scaling     (about five minutes on two CPU cores)

Writes benchmarks/results/scaling.{md,png}.
"""

import argparse
import datetime
import math
import resource
import subprocess
import sys
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np
import torch

from backend.benchmarks import Sizes, measure
from backend.data.episodes import Episode
from backend.data.replay import Replay
from backend.pipeline.stages import choose_device

RESULTS = Path(__file__).parent / "results"
# (name, what grows, sizes, the number that should drive the cost)
WORKS = (
    ("traversal", "dims x values", [Sizes(rows=20, columns=n) for n in (7, 15, 31)], (140, 300, 620)),
    ("rollout", "imagined steps", [Sizes(steps=n) for n in (25, 50, 100)], (25, 50, 100)),
    ("pretrain", "frames a batch", [Sizes(batch=n, length=16) for n in (8, 16, 32)], (128, 256, 512)),
    ("update", "frames a batch", [Sizes(batch=n, length=16) for n in (8, 16, 32)], (128, 256, 512)),
    ("collect", "agent steps", [Sizes(episodes=n, steps=100) for n in (4, 8, 16)], (400, 800, 1600)),
)
FRAMES, EPISODE = 500_000, 500


def main() -> None:
    """Measures, prints, draws and saves."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--replay-only", action="store_true", help="measure the memory of a full replay, and print it")
    chosen = parser.parse_args()
    if chosen.replay_only:
        print(full_replay())
        return
    device = choose_device(chosen.device)
    memory = subprocess.run(
        [sys.executable, "-m", "benchmarks.scaling", "--replay-only"], check=True, capture_output=True, text=True
    )
    figure, axes = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
    lines = ["| work | grows by | seconds at each size | cost grows as size to the power of |", "|---|---|---|---|"]
    for name, unit, sizes, counts in WORKS:
        seconds = [float(np.median(measure(name, size, device, chosen.repeats).repeats)) for size in sizes]
        power = math.log(seconds[-1] / seconds[0]) / math.log(counts[-1] / counts[0])
        taken = ", ".join(f"{count}: {value:.3g} s" for count, value in zip(counts, seconds, strict=True))
        lines.append(f"| {name} | {unit} | {taken} | {power:.2f} |")
        print(lines[-1])
        axes.loglog(counts, seconds, marker="o", label=f"{name} ({unit}), power {power:.2f}")
    axes.set(xlabel="size", ylabel="seconds, median", title="Cost against size: power 1 is linear")
    axes.legend(fontsize=7)
    RESULTS.mkdir(exist_ok=True)
    figure.savefig(RESULTS / "scaling.png", dpi=150)
    head = (
        f"# Scaling, {datetime.date.today().isoformat()}\n\n`python -m benchmarks.scaling`, torch {torch.__version__}, "
        f"{device}, {torch.get_num_threads()} threads. Starting processes and environments is part of collecting.\n\n"
    )
    text = head + "\n".join(lines) + f"\n\n{memory.stdout.strip()}\n\n![scaling](scaling.png)\n"
    (RESULTS / "scaling.md").write_text(text)


def full_replay() -> str:
    """Fills a replay to its capacity and past it, samples, and says what it took."""
    before = _peak()
    replay = Replay(action_size=6, capacity=FRAMES)
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (EPISODE, 64, 64, 3)).astype(np.uint8)
    ends = np.zeros(EPISODE, bool)
    episode = Episode(
        image=image,
        action=np.zeros((EPISODE, 6), np.float32),
        reward=np.zeros(EPISODE, np.float32),
        discount=np.ones(EPISODE, np.float32),
        is_first=ends,
        is_last=ends,
        is_terminal=ends,
        factors=np.zeros((EPISODE, 0), np.float32),
        factor_names=(),
    )
    for _ in range(FRAMES // EPISODE + 20):
        replay.add(episode)
    full = _peak()
    for _ in range(100):
        replay.sample(50, 50, rng)
    return (
        f"A replay of {len(replay):,} frames takes {(full - before) / 1024:.2f} GiB at its peak; a hundred batches of "
        f"50 x 50 add {_peak() - full:.0f} MiB."
    )


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
