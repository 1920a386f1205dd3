"""Everything that `diswm bench` measures, reference forms beside ours, as one table in benchmarks/results/.

python -m benchmarks.table                 (about ten minutes on two CPU cores; for a GPU there is benchmarks.gpu)

Every row is a process of its own, so that its peak memory is its own; ours and the reference form take turns.
"""

import argparse
import datetime
import json
import platform
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch

from backend.pipeline.precision import image_precision

RESULTS = Path(__file__).parent / "results"
TURNS = 2


class Row(NamedTuple):
    """A line of the table: what `diswm bench` measures with which options, and what is aimed at."""

    name: str
    options: dict[str, int]
    target: str
    peer: str = ""  # measured on two CPU cores with AMX and torch 2.13, as all peers here
    reference: bool = False


ROWS = (
    Row("pretrain", {"batch": 16, "length": 16}, "<= 0.166 s", "authors' code 0.41 s", reference=True),
    Row("pretrain", {"batch": 50, "length": 50}, "<= 1.9 s", "authors' code 4.75 s", reference=True),
    Row("update", {"batch": 16, "length": 16}, "<= 0.37 s", "authors' code 0.93 s", reference=True),
    Row("update", {"batch": 50, "length": 50}, "<= 2.5 s", "authors' code 9.9 s", reference=True),
    Row("imagine", {"batch": 16, "length": 16}, ""),
    Row("act", {}, ""),
    Row("traversal", {"rows": 20, "columns": 7}, "30 ms", "authors' code 430 to 590 ms", reference=True),
    Row("atlas", {"columns": 11}, "<= 300 ms to the page"),
    Row("rollout", {"steps": 50}, "<= 300 ms"),
    Row("gif", {"rows": 10, "columns": 17}, "<= 1 s"),
    Row("collect", {"workers": 1, "episodes": 48, "steps": 100}, ">= 300 agent steps/s"),
    Row("collect", {"workers": 2, "episodes": 48, "steps": 100}, ">= 1.7 times one process"),
)


def main() -> None:
    """Measures, prints and saves the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    lines = [*_heading(), ""]
    lines += ["| work | sizes | median | range | peak memory | reference | ratio | target on AMX | peer with AMX |"]
    lines += ["|" + "---|" * 9]
    for row in ROWS:
        lines.append(_line(row, arguments.repeats))
        print(lines[-1], file=sys.stderr)
    text = "\n".join(lines) + "\n"
    target_file = RESULTS / f"cpu-{datetime.date.today().isoformat()}.md"
    RESULTS.mkdir(exist_ok=True)
    target_file.write_text(text)
    print(text)


def _line(row: Row, repeats: int) -> str:
    names = [row.name, f"reference-{row.name}"] if row.reference else [row.name]
    reports = {name: [] for name in names}
    for _ in range(TURNS if row.reference else 1):
        for name, taken in reports.items():
            taken.append(_bench(name, row.options, repeats))
    ours = reports[row.name]
    seconds = [value for report in ours for value in report["repeats"]]
    unit = ours[0]["unit"]
    value = median(seconds) if unit == "s" else ours[0]["value"]
    sizes = ", ".join(f"{name} {size}" for name, size in row.options.items())
    spread = f"{readable(min(seconds), 's')} to {readable(max(seconds), 's')}"
    memory = f"{max(report['peak_memory_mb'] for report in ours):.0f} MB"
    reference = ratio = ""
    if row.reference:
        usual = median([value for report in reports[names[1]] for value in report["repeats"]])
        reference, ratio = readable(usual, "s"), f"{usual / value:.1f}"
    cells = (row.name, sizes, readable(value, unit), spread, memory, reference, ratio, row.target, row.peer)
    return "| " + " | ".join(cells) + " |"


def _bench(name: str, options: dict[str, int], repeats: int) -> dict[str, Any]:
    words = [word for option, value in options.items() for word in (f"--{option}", str(value))]
    command = [sys.executable, "-m", "backend", "bench", name, *words, "--device", "cpu", "--json"]
    finished = subprocess.run([*command, "--repeats", str(repeats)], capture_output=True, text=True, check=True)
    report: dict[str, Any] = json.loads(finished.stdout)
    return report


def _heading() -> list[str]:
    head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return [
        f"# Benchmarks on {processor()}, {datetime.date.today().isoformat()}",
        "",
        f"`python -m benchmarks.table` at {head.stdout.strip()}, torch {torch.__version__}, "
        f"{torch.get_num_threads()} threads, Python {platform.python_version()}, "
        f"convolutions of training in {str(image_precision('cpu')).removeprefix('torch.')}. The reference form is "
        "backend/bench/reference.py: the same update, one operation after the other, held equal to ours by a test.",
    ]


def processor() -> str:
    information = Path("/proc/cpuinfo")
    text = information.read_text() if information.exists() else ""
    model = next((line.split(":")[1].strip() for line in text.splitlines() if line.startswith("model name")), "a CPU")
    extras = [name for name in ("avx512f", "avx512_bf16", "amx_bf16") if name in text] or ["neither AVX-512 nor AMX"]
    return f"{model} ({', '.join(extras)})"


def readable(value: float, unit: str) -> str:
    return f"{1000 * value:.1f} ms" if unit == "s" and value < 1 else f"{value:.4g} {unit}"


if __name__ == "__main__":
    main()
