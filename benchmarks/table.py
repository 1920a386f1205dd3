"""Everything that `diswm bench` measures, plain forms beside ours, as one table in benchmarks/results/.

python -m benchmarks.table                 (about ten minutes on two CPU cores)
python -m benchmarks.table --device cuda   (also checks that GPU and CPU agree)

Every row is a process of its own, so that its peak memory is its own; ours and the plain form take turns.
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

from backend.benchmarks import Sizes, example_batch
from backend.pipeline.config import PretrainSettings
from backend.pipeline.precision import convolve_in, image_precision
from backend.pipeline.pretrain import Pretraining
from backend.pipeline.stages import choose_device
from models.types import normalise

RESULTS = Path(__file__).parent / "results"
TOLERANCE = 1e-3  # relative, of the losses of one float32 update: convolutions add up in another order on a GPU
TURNS = 2


class Row(NamedTuple):
    """A line of the table: what `diswm bench` measures with which options, and what is aimed at."""

    name: str
    options: dict[str, int]
    target: str
    peer: str = ""  # measured on two CPU cores with AMX and torch 2.13, as all peers here
    plain: bool = False


ROWS = (
    Row("pretrain", {"batch": 16, "length": 16}, "<= 0.166 s", "authors' code 0.41 s", plain=True),
    Row("pretrain", {"batch": 50, "length": 50}, "<= 1.9 s; GPU <= 3.5 ms", "authors' code 4.75 s", plain=True),
    Row("update", {"batch": 16, "length": 16}, "<= 0.37 s", "authors' code 0.93 s", plain=True),
    Row("update", {"batch": 50, "length": 50}, "<= 2.5 s; GPU <= 6 ms", "authors' code 9.9 s", plain=True),
    Row("imagine", {"batch": 16, "length": 16}, ""),
    Row("traversal", {"rows": 20, "columns": 7}, "30 ms; GPU <= 5 ms", "authors' code 430 to 590 ms", plain=True),
    Row("atlas", {"columns": 11}, "<= 300 ms to the page"),
    Row("rollout", {"steps": 50}, "<= 300 ms"),
    Row("gif", {"rows": 10, "columns": 17}, "<= 1 s"),
    Row("collect", {"workers": 1, "episodes": 8, "steps": 100}, ">= 300 agent steps/s"),
    Row("collect", {"workers": 2, "episodes": 8, "steps": 100}, ">= 1.7 times one process"),
)


def main() -> None:
    """Measures, prints and saves the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    lines = [*_heading(device), "", *_agreement(device)]
    lines += ["| work | sizes | median | range | peak memory | plain form | ratio | target on AMX | peer with AMX |"]
    lines += ["|" + "---|" * 9]
    for row in ROWS:
        lines.append(_line(row, device, arguments.repeats))
        print(lines[-1], file=sys.stderr)
    text = "\n".join(lines) + "\n"
    target_file = RESULTS / f"{'gpu' if device.startswith('cuda') else 'cpu'}-{datetime.date.today().isoformat()}.md"
    RESULTS.mkdir(exist_ok=True)
    target_file.write_text(text)
    print(text)


def _line(row: Row, device: str, repeats: int) -> str:
    names = [row.name, f"plain-{row.name}"] if row.plain else [row.name]
    reports = {name: [] for name in names}
    for _ in range(TURNS if row.plain else 1):
        for name, taken in reports.items():
            taken.append(_bench(name, row.options, device, repeats))
    ours = reports[row.name]
    seconds = [value for report in ours for value in report["repeats"]]
    unit = ours[0]["unit"]
    value = median(seconds) if unit == "s" else ours[0]["value"]
    sizes = ", ".join(f"{name} {size}" for name, size in row.options.items())
    spread = f"{_readable(min(seconds), 's')} to {_readable(max(seconds), 's')}"
    memory = f"{max(report['peak_memory_mb'] for report in ours):.0f} MB"
    plain = ratio = ""
    if row.plain:
        usual = median([value for report in reports[names[1]] for value in report["repeats"]])
        plain, ratio = _readable(usual, "s"), f"{usual / value:.1f}"
    cells = (row.name, sizes, _readable(value, unit), spread, memory, plain, ratio, row.target, row.peer)
    return "| " + " | ".join(cells) + " |"


def _bench(name: str, options: dict[str, int], device: str, repeats: int) -> dict[str, Any]:
    words = [word for option, value in options.items() for word in (f"--{option}", str(value))]
    command = [sys.executable, "-m", "backend", "bench", name, *words, "--device", device, "--json"]
    finished = subprocess.run([*command, "--repeats", str(repeats)], capture_output=True, text=True, check=True)
    report: dict[str, Any] = json.loads(finished.stdout)
    return report


def _heading(device: str) -> list[str]:
    machine = torch.cuda.get_device_name() if device.startswith("cuda") else _processor()
    head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return [
        f"# Benchmarks on {machine}, {datetime.date.today().isoformat()}",
        "",
        f"`python -m benchmarks.table --device {device}` at {head.stdout.strip()}, torch {torch.__version__}, "
        f"{torch.get_num_threads()} threads, Python {platform.python_version()}, "
        f"convolutions of training in {str(image_precision(device)).removeprefix('torch.')}. The plain form is "
        "backend/plain.py: the same update, one operation after the other, held equal to ours by a test.",
    ]


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    text = information.read_text() if information.exists() else ""
    model = next((line.split(":")[1].strip() for line in text.splitlines() if line.startswith("model name")), "a CPU")
    extras = [name for name in ("avx512f", "amx_bf16") if name in text] or ["neither AVX-512 nor AMX"]
    return f"{model} ({', '.join(extras)})"


def _agreement(device: str) -> list[str]:
    """Losses on the device and on the CPU, of the same weights and batch, with the latent's mean for its sample."""
    if not device.startswith("cuda"):
        return []
    batch = example_batch(Sizes(batch=8, length=8))
    losses = {}
    for place in ("cpu", device):
        model = Pretraining(PretrainSettings(batch=8, length=8), 0, place).model
        convolve_in(torch.float32, model)
        image = normalise(batch.image.to(place))
        latent = model.encode(image)
        observed = model.observe(latent.mean, None, batch.is_first.to(place))
        losses[place] = {name: float(v.mean()) for name, v in model.image_losses(image, latent, observed).items()}
    worst = max(abs(losses[device][name] / value - 1) for name, value in losses["cpu"].items())
    assert worst <= TOLERANCE, f"GPU and CPU differ by {worst:.2g}: {losses}"
    return [f"Losses on GPU and CPU agree within {worst:.1g} relative (bar {TOLERANCE:g}).", ""]


def _readable(value: float, unit: str) -> str:
    return f"{1000 * value:.1f} ms" if unit == "s" and value < 1 else f"{value:.4g} {unit}"


if __name__ == "__main__":
    main()
