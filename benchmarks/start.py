"""How long pretraining takes to begin, and with how much memory: frames read into memory, unpacked, and mapped.

python -m benchmarks.start DATASET [--frames 1000000]     (a million: some minutes, 13 GB of disk and of memory)

DATASET is the folder of a data set; its episodes are linked under new names until there are as many frames. Each row is
a process of its own. Writes benchmarks/results/start.md.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np

from backend.data.episodes import episode_places, read_dataset_info, read_place, write_dataset_info
from backend.data.replay import Replay, Sequences
from backend.data.unpacked import frames_of
from benchmarks.page import head

RESULTS = Path(__file__).parent / "results"
BATCH, LENGTH, BATCHES = 50, 16, 20
WAYS = {
    "memory": "all read into memory, as every start did before",
    "unpacked": "unpacked into files: the first start on a machine",
    "mapped": "mapped from those files: every later start, and every further process",
}


def main() -> None:
    """Measures, prints and saves."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--way", choices=tuple(WAYS), help="measure this alone in the folder as it is, and print it")
    chosen = parser.parse_args()
    if chosen.way:
        print(json.dumps(measured(chosen.dataset, chosen.way)))
        return
    with tempfile.TemporaryDirectory(dir=chosen.dataset.parent) as folder:  # links need the same disk
        frames, episodes = enlarged(chosen.dataset, Path(folder), chosen.frames)
        rows = {way: in_a_process(Path(folder), way) for way in WAYS}
    command = f"python -m benchmarks.start DATASET --frames {chosen.frames}"
    text = written(frames, episodes, rows, command)
    (RESULTS / "start.md").write_text(text)
    print(text)


def enlarged(source: Path, target: Path, frames: int) -> tuple[int, int]:
    """Makes a data set of at least so many frames from links; how many frames and episodes it has."""
    info = read_dataset_info(source)
    paths = sorted(source.glob("*.npz"))
    lengths: list[int] = []
    while sum(lengths) < frames:
        number = len(lengths)
        os.link(paths[number % len(paths)], target / f"{number:06d}.npz")
        lengths.append(info.lengths[number % len(paths)])
    write_dataset_info(replace(info, folder=target, episodes=len(lengths), frames=sum(lengths), lengths=tuple(lengths)))
    return sum(lengths), len(lengths)


def in_a_process(folder: Path, way: str) -> dict[str, float]:
    """The figures of one way in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.start", str(folder), "--way", way]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(json.loads(out))


def measured(folder: Path, way: str) -> dict[str, float]:
    """Seconds until the first batch, milliseconds of later ones, and gigabytes of the process's own memory."""
    begun, before = time.perf_counter(), own_memory()
    info = read_dataset_info(folder)
    places = episode_places(folder)
    frames: Sequences
    if way == "memory":
        frames = replay = Replay(info.action_size, info.frames)
        replay.extend(read_place(place) for place in places)
    else:
        frames = frames_of(info, places, len(places), device="cpu", motion=False, tell=lambda _done, _total: None)
    rng = np.random.default_rng(0)
    frames.sample(BATCH, LENGTH, rng)
    ready = time.perf_counter() - begun
    spent = []
    for _ in range(BATCHES):
        start = time.perf_counter()
        frames.sample(BATCH, LENGTH, rng)
        spent.append(time.perf_counter() - start)
    return {"ready_s": ready, "batch_ms": 1000 * median(spent), "own_gb": own_memory() - before}


def own_memory() -> float:
    """Gigabytes that no file backs and no other process shares."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:")) / 2**20


def written(frames: int, episodes: int, rows: dict[str, dict[str, float]], command: str) -> str:
    """The table as Markdown."""
    heading = head()
    lines = [
        heading[0].replace("The page", "How long pretraining takes to begin"),
        "",
        heading[2].replace("python -m benchmarks.page", command),
        "",
        f"{frames:,} frames in {episodes:,} episodes. Ready: from reading the data set's description to the first "
        f"batch, of {BATCH} x {LENGTH} frames; a batch: the median of {BATCHES} more.",
        "",
        "| frames | ready | a batch | own memory |",
        "|---|---|---|---|",
    ]
    for way, row in rows.items():
        lines.append(f"| {WAYS[way]} | {row['ready_s']:.1f} s | {row['batch_ms']:.0f} ms | {row['own_gb']:.2f} GB |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
