"""How fast the metrics of a long run are read: its end, any place, and the whole curve.

python -m benchmarks.long_curve --out benchmarks/results/long-curve.md
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from backend.runs.metrics import read_curve_points, read_metrics

LINES = 500_000
NAMES = ("image", "dynamics", "latent", "reward", "distillation", "gradient_norm", "actor", "critic", "entropy")


def main() -> None:
    """Writes a file of half a million lines and reads it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=None)
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size = _write(folder / "metrics.jsonl")
        rows = [
            ("end, first time", _seconds(lambda: read_metrics(folder, LINES - 100), 1)),
            ("end, again", _seconds(lambda: read_metrics(folder, LINES - 100), 20)),
            ("5,000 lines from the middle", _seconds(lambda: read_metrics(folder, LINES // 2), 20)),
            ("whole curve in 2,000 points, first time", _seconds(lambda: read_curve_points(folder, 2_000), 1)),
            ("whole curve in 2,000 points, again", _seconds(lambda: read_curve_points(folder, 2_000), 20)),
        ]
    where = f"{os.cpu_count()} cores, {platform.platform()}, Python {platform.python_version()}"
    text = "\n".join(
        [
            f"# A run of {LINES:,} metric lines ({size / 1e6:.0f} MB)",
            "",
            f"{datetime.date.today()}, `python -m benchmarks.long_curve`, {where}; median of 20, or the first time.",
            "",
            "| read | ms |",
            "|---|---|",
            *(f"| {what} | {1000 * seconds:.1f} |" for what, seconds in rows),
            "",
        ]
    )
    print(text)
    if out is not None:
        out.write_text(text)


def _write(path: Path) -> int:
    with path.open("w") as file:
        for n in range(LINES):
            line = {"time": 1e9 + n, "phase": "finetune", "updates": n, "agent_steps": 5 * n}
            file.write(json.dumps(line | {name: (n * 7919 % 10_007) / 100 for name in NAMES}) + "\n")
    return path.stat().st_size


def _seconds(work: Callable[[], object], times: int) -> float:
    spent = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        spent.append(time.perf_counter() - began)
    return statistics.median(spent)


if __name__ == "__main__":
    main()
