"""Everything that `diswm bench` measures, and two plain forms beside ours, as one table in benchmarks/results/.

python -m benchmarks.table                 (about five minutes on two CPU cores)
python -m benchmarks.table --device cuda   (also checks that GPU and CPU agree)
"""

import argparse
import datetime
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch

from backend.benchmarks import Measurement, Sizes, example_batch, measure
from backend.pipeline.config import PretrainSettings
from backend.pipeline.pretrain import Pretraining
from backend.pipeline.stages import choose_device
from models.config import VideoModelConfig
from models.traversal import anchor_at, traverse
from models.types import normalise
from models.video_model import VideoModel

RESULTS = Path(__file__).parent / "results"
TOLERANCE = 1e-3  # relative, of the losses of one float32 update: convolutions add up in another order on a GPU

# (name, sizes, target). The authors' code took, on two CPU cores with AMX and torch 2.13: pretraining update
# 0.41 s at 16 x 16 and 4.75 s at 50 x 50, online update 0.93 s and 9.9 s, traversal grid 0.43 to 0.59 s.
ROWS = (
    ("pretrain", Sizes(batch=16, length=16), "CPU <= 0.166 s"),
    ("pretrain", Sizes(batch=50, length=50), "CPU <= 1.9 s, H100 <= 3.5 ms"),
    ("update", Sizes(batch=16, length=16), "CPU <= 0.37 s"),
    ("update", Sizes(batch=50, length=50), "CPU <= 2.5 s, H100 <= 6 ms"),
    ("imagine", Sizes(batch=16, length=16), ""),
    ("traversal", Sizes(rows=20, columns=7), "CPU about 30 ms, H100 <= 5 ms"),
    ("atlas", Sizes(columns=11), "<= 300 ms to the page"),
    ("gif", Sizes(rows=10, columns=17), "<= 1 s"),
    ("collect", Sizes(workers=1, episodes=8, steps=100), ">= 300 agent steps/s"),
    ("collect", Sizes(workers=2, episodes=8, steps=100), ">= 1.7 times one process"),
)


def main() -> None:
    """Measures, prints and saves the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    lines = [*_heading(device), "", *_agreement(device), "| work | sizes | median | all repeats | target |"]
    lines.append("|---|---|---|---|---|")
    for name, sizes, target in ROWS:
        lines.append(_row(name, sizes, target, measure(name, sizes, device, arguments.repeats)))
        print(lines[-1], file=sys.stderr)
    lines += ["", *_beside_plain_forms(device, arguments.repeats)]
    text = "\n".join(lines) + "\n"
    target_file = RESULTS / f"{'gpu' if device.startswith('cuda') else 'cpu'}-{datetime.date.today().isoformat()}.md"
    RESULTS.mkdir(exist_ok=True)
    target_file.write_text(text)
    print(text)


def _heading(device: str) -> list[str]:
    machine = torch.cuda.get_device_name() if device.startswith("cuda") else _processor()
    head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return [
        f"# Benchmarks on {machine}, {datetime.date.today().isoformat()}",
        "",
        f"`python -m benchmarks.table --device {device}` at {head.stdout.strip()}, torch {torch.__version__}, "
        f"{torch.get_num_threads()} threads, Python {platform.python_version()}.",
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
        image = normalise(batch.image.to(place))
        latent = model.encode(image)
        observed = model.observe(latent.mean, None, batch.is_first.to(place))
        losses[place] = {name: float(v.mean()) for name, v in model.image_losses(image, latent, observed).items()}
    worst = max(abs(losses[device][name] / value - 1) for name, value in losses["cpu"].items())
    assert worst <= TOLERANCE, f"GPU and CPU differ by {worst:.2g}: {losses}"
    return [f"Losses on GPU and CPU agree within {worst:.1g} relative (bar {TOLERANCE:g}).", ""]


def _row(name: str, sizes: Sizes, target: str, outcome: Measurement) -> str:
    size = {
        "traversal": f"{sizes.rows} x {sizes.columns}",
        "atlas": f"20 x {sizes.columns}",
        "gif": f"{sizes.rows} rows, {2 * sizes.columns - 2} frames",
        "collect": f"{sizes.workers} process{'es' if sizes.workers > 1 else ''}",
    }.get(name, f"{sizes.batch} x {sizes.length}")
    repeats = ", ".join(_readable(seconds, "s") for seconds in outcome.repeats)
    return f"| {name} | {size} | {_readable(outcome.value, outcome.unit)} | {repeats} | {target} |"


def _readable(value: float, unit: str) -> str:
    return f"{1000 * value:.1f} ms" if unit == "s" and value < 1 else f"{value:.4g} {unit}"


def _beside_plain_forms(device: str, repeats: int) -> list[str]:
    """Ours against the plain form of the same computation, in turn, in one process."""
    model = VideoModel(VideoModelConfig()).to(device).eval()
    anchor = anchor_at(model, torch.rand(1, 3, 64, 64, device=device) - 0.5, 0)
    values = torch.linspace(-2, 2, 7, device=device).repeat(20, 1)

    def one_batch() -> torch.Tensor:
        return traverse(model, anchor, range(20), values)

    def cell_by_cell() -> torch.Tensor:
        cells = [
            traverse(model, anchor, [row], values[row : row + 1, [column]]) for row in range(20) for column in range(7)
        ]
        return torch.cat([cell.reshape(1, 3, 64, 64) for cell in cells])

    difference = float((one_batch().reshape(-1, 3, 64, 64) - cell_by_cell()).abs().max())
    assert difference < 1e-4, f"the two forms of a traversal differ by {difference}"
    ours, plain = _in_turn(one_batch, cell_by_cell, repeats, device)
    return [
        "| work | ours | plain form | ratio |",
        "|---|---|---|---|",
        f"| traversal grid 20 x 7, one batch against cell by cell | {_readable(ours, 's')} | {_readable(plain, 's')} "
        f"| {plain / ours:.1f} |",
    ]


def _in_turn(ours: Callable[[], object], plain: Callable[[], object], repeats: int, device: str) -> tuple[float, float]:
    seconds: dict[Callable[[], object], list[float]] = {ours: [], plain: []}
    for _ in range(repeats + 1):
        for work, taken in seconds.items():
            if device.startswith("cuda"):
                torch.cuda.synchronize()
            begun = time.perf_counter()
            work()
            if device.startswith("cuda"):
                torch.cuda.synchronize()
            taken.append(time.perf_counter() - begun)
    return median(seconds[ours][1:]), median(seconds[plain][1:])


if __name__ == "__main__":
    main()
