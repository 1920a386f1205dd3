"""Does cost grow linearly, and is memory bounded? Work at three sizes; the memory of a full replay and of a long run.

python -m benchmarks.scaling     (about ten minutes on two CPU cores)

Writes benchmarks/results/scaling.{md,png}.
"""

import argparse
import datetime
import math
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np
import torch

from backend.bench.workloads import Sizes, measure
from backend.data.episodes import Episode
from backend.data.replay import Replay
from backend.pipeline.checks import choose_device

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
RUN_STEPS = 6_000


def main() -> None:
    """Measures, prints, draws and saves."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", choices=("replay", "run"), help="measure this memory alone, and print it")
    chosen = parser.parse_args()
    if chosen.only:
        print(full_replay() if chosen.only == "replay" else long_run())
        return
    device = choose_device(chosen.device)
    command = [sys.executable, "-m", "benchmarks.scaling", "--only", "replay"]
    memory = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
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
    text = head + "\n".join([*lines, "", memory, "", long_run(), "", "![scaling](scaling.png)"]) + "\n"
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


def long_run() -> str:
    """Learns online until the replay has been filled several times over, and says how the process grew meanwhile."""
    settings = {"agent_steps": RUN_STEPS, "replay_capacity": 1_100, "checkpoint_every": 100, "evaluate_every": 2_000}
    words = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    megabytes: list[float] = []
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "backend", "finetune", "--preset", "tiny", *words, "--out", f"{folder}/run"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None:
            status = Path(f"/proc/{process.pid}/status")
            found = [line for line in status.read_text().splitlines() if line.startswith("VmRSS")]
            megabytes += [int(line.split()[1]) / 1024 for line in found]
            time.sleep(1)
    if process.returncode:
        raise SystemExit(f"the run ended with exit status {process.returncode}")
    quarter = len(megabytes) // 4
    early, late = (max(part) for part in (megabytes[quarter : 2 * quarter], megabytes[3 * quarter :]))
    return (
        f"Online learning over {RUN_STEPS:,} agent steps (preset tiny, replay of 1,100 frames, checkpoints and "
        f"evaluations on the way) took at most {early:.0f} MiB in the second quarter of its time and {late:.0f} MiB in "
        "the last."
    )


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
