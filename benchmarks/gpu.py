"""Every check and timing on a GPU, unattended: does it compute what the CPU computes, and how fast.

python -m benchmarks.gpu (at most eight minutes on one GPU) python -m benchmarks.gpu --device cpu --seconds 0 --out
/tmp/look.md (the checks alone, where there is no GPU)

First the checks: losses and gradient norms of whole updates against the CPU's on the same noise; recorded updates
(CUDA graphs) against plain ones; the curves of losses with bfloat16 convolutions and with TF32 products against
float32. Then one row per target, the most expensive last. The table is written after every row, so that an
interruption loses only later rows.
"""

import argparse
import datetime
import platform
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from unittest import mock

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from backend.bench.workloads import ACTIONS, Sizes, example_batch, measure
from backend.pipeline.checks import choose_device
from backend.pipeline.cuda_graph import WARM_UPS, Recorded
from backend.pipeline.finetune import Finetuning
from backend.pipeline.methods.build import build_parts
from backend.pipeline.methods.parts import Source, with_targets
from backend.pipeline.precision import convolve_in, multiply_fast
from backend.pipeline.pretrain import Pretraining
from backend.pipeline.settings import FinetuneSettings, PretrainSettings
from models.actor_critic import ActorCritic, Chances
from models.config import VideoModelConfig
from models.share import ALONE, Share
from models.types import Batch, State
from models.video_model import VideoModel

RESULTS = Path(__file__).parent / "results"
SIZES = Sizes(batch=8, length=8)
UPDATES = WARM_UPS + 4
SAME_NOISE = 2e-3  # relative: a GPU adds up in another order, and every update starts from the one before
RECORDED = 1e-3
BFLOAT16 = 0.02  # as in tests/backend/pipeline/test_precision.py; of TF32, too
Run = Pretraining | Finetuning


class Row(NamedTuple):
    """What is timed, at which sizes, and the target on one H100."""

    name: str
    sizes: Sizes
    target: str = ""


PAPER = Sizes(batch=50, length=50)
ROWS = (
    Row("traversal", Sizes(rows=20, columns=7), "<= 5 ms"),
    Row("act", Sizes()),
    Row("pretrain", Sizes(batch=16, length=16)),
    Row("pretrain", PAPER, "<= 3.5 ms"),
    Row("update", Sizes(batch=16, length=16)),
    Row("update", PAPER, "<= 6 ms"),
    Row("imagine", PAPER),
    Row("reference-traversal", Sizes(rows=20, columns=7)),
    Row("reference-pretrain", PAPER),
    Row("reference-update", PAPER, "authors' code estimated at 150 to 300 ms"),
    Row("collect", Sizes(episodes=32, steps=500, workers=1)),
    Row("collect", Sizes(episodes=64, steps=500, workers=16), ">= 10 times one process, on 16 cores"),
)


def main() -> None:
    """Checks, measures and saves the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=480, help="no row begins after so many seconds")
    parser.add_argument("--out", type=Path, default=RESULTS / f"gpu-{datetime.date.today().isoformat()}.md")
    chosen = parser.parse_args()
    end = time.monotonic() + chosen.seconds
    device = choose_device(chosen.device)
    lines = _heading(device)
    for check in (_operations, _agrees_with_the_cpu, _recorded_agrees, _bfloat16_agrees, _fast_products_agree):
        lines.append(f"- {check(device)}")
        print(lines[-1], flush=True)
    lines += ["", "| work | sizes | median | range | GPU memory | target |", "|---|---|---|---|---|---|"]
    for row in ROWS:
        lines.append(_line(row, device, chosen.repeats) if time.monotonic() < end else f"| {row.name} | not reached |")
        print(lines[-1], flush=True)
        chosen.out.write_text("\n".join(lines) + "\n")


def _heading(device: str) -> list[str]:
    machine = torch.cuda.get_device_name(device) if device.startswith("cuda") else f"a CPU ({platform.machine()})"
    head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return [
        f"# Benchmarks on {machine}, {datetime.date.today().isoformat()}",
        "",
        f"`python -m benchmarks.gpu` at {head.stdout.strip() or 'an unknown commit'}, torch {torch.__version__}.",
        "",
    ]


class _Count(TorchDispatchMode):
    """Counts the operations that compute or move something: about as many kernels on a GPU."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        results = func(*args, **(kwargs or {}))
        self.operations += not func.is_view
        return results


def _operations(_device: str) -> str:
    """What a GPU has to launch for one update of sequences of 50 steps, counted on the CPU."""
    sizes = Sizes(batch=2, length=50)
    batch, weight, counts = example_batch(sizes), torch.tensor(0.1), []
    for run in (_pretraining("cpu", torch.float32), _finetuning("cpu", torch.float32)):
        online = isinstance(run, Finetuning)
        aimed = with_targets(batch, run.parts.lessons if online else {})
        inputs = *aimed, *([weight[None]] if online else []), weight, weight
        run.work(*inputs)  # Adam makes its state in the first one
        with _Count() as count:
            run.work(*inputs)
        counts.append(count.operations)
    return f"An update of 50 steps is {counts[0]:,} operations in pretraining and {counts[1]:,} online."


def _agrees_with_the_cpu(device: str) -> str:
    """Losses and gradient norms of whole float32 updates on the device and on the CPU, noise made on the CPU."""
    worst = 0.0
    for build in (_pretraining, _finetuning):
        curves = []
        for place in ("cpu", device):
            with _same_noise(), _exact_products():
                curves.append(_curve(build(place, torch.float32)))
        worst = max(worst, _distance(*curves))
    assert worst <= SAME_NOISE, f"updates on {device} and on the CPU differ by {worst:.2g}"
    return f"{UPDATES} updates give the CPU's losses within {worst:.1g} relative (bar {SAME_NOISE:g})."


def _recorded_agrees(device: str) -> str:
    """Updates as a CUDA graph and one kernel after the other, on the same generator; the graph must be in use."""
    worst, recorded = 0.0, True
    with _exact_products():
        for build in (_pretraining, _finetuning):
            run = build(device, torch.float32)
            unrecorded = build(device, torch.float32)
            unrecorded.recorded = Recorded(unrecorded.work, unrecorded, None)
            worst = max(worst, _distance(_curve(run), _curve(unrecorded)))
            recorded = recorded and run.recorded.in_use
    assert worst <= RECORDED, f"recorded updates differ from plain ones by {worst:.2g}"
    if not device.startswith("cuda"):
        return "Nothing is recorded on a CPU."
    assert recorded, "no CUDA graph was in use: see the warning above"
    return f"{UPDATES} recorded updates give the plain ones' losses within {worst:.1g} relative (bar {RECORDED:g})."


def _bfloat16_agrees(device: str) -> str:
    """The image loss of pretraining on one batch of few colours, update by update, in both precisions."""
    easy = example_batch(SIZES)
    easy = easy._replace(image=easy.image // 8 + 100)
    curves = [_curve(_pretraining(device, kind), easy) for kind in (torch.float32, torch.bfloat16)]
    image = [[{"image": figures["image"]} for figures in curve] for curve in curves]
    worst = _distance(*image)
    assert worst <= BFLOAT16, f"the curve of losses in bfloat16 differs by {worst:.2g}"
    return f"The image loss in bfloat16 follows float32 within {worst:.1g} relative (bar {BFLOAT16:g})."


def _fast_products_agree(device: str) -> str:
    """All losses of learning online with products by tensor cores and with exact ones, on the same generator."""
    with _exact_products():
        exact = _curve(_finetuning(device, torch.float32))
        multiply_fast(device)
        fast = _curve(_finetuning(device, torch.float32))
    worst = _distance(fast, exact)
    assert worst <= BFLOAT16, f"the curves of losses with TF32 products differ by {worst:.2g}"
    return f"The losses with TF32 products follow exact ones within {worst:.1g} relative (bar {BFLOAT16:g})."


def _pretraining(device: str, kind: torch.dtype) -> Pretraining:
    run = Pretraining(PretrainSettings(batch=SIZES.batch, length=SIZES.length), 0, device)
    convolve_in(kind, run.model)
    return run


def _finetuning(device: str, kind: torch.dtype) -> Finetuning:
    torch.manual_seed(0)
    settings = FinetuneSettings(batch=SIZES.batch, length=SIZES.length, discount_layers=1)
    parts = build_parts(settings, Source(VideoModel(VideoModelConfig()), ACTIONS), ACTIONS, 0)
    run = Finetuning(settings, parts, 0, device)
    convolve_in(kind, run.agent)
    return run


def _curve(run: Run, batch: Batch | None = None) -> list[dict[str, float]]:
    """The figures of every update on one batch; afterwards no update may have been refused."""
    batch = batch or example_batch(SIZES)
    if isinstance(run, Finetuning):
        aimed = with_targets(batch, run.parts.lessons)
        curve = [_numbers(run.learn(aimed, 0)) for _ in range(UPDATES)]
    else:
        curve = [_numbers(run.step(batch)) for _ in range(UPDATES)]
    run.check()
    return curve


def _numbers(figures: dict[str, Tensor]) -> dict[str, float]:
    return {name: float(value.mean()) for name, value in figures.items()}


def _distance(left: list[dict[str, float]], right: list[dict[str, float]]) -> float:
    """The largest distance of two curves, relative where a value is beyond 1."""
    pairs = zip(left, right, strict=True)
    return max(abs(ours[name] - theirs[name]) / max(abs(theirs[name]), 1.0) for ours, theirs in pairs for name in ours)


@contextmanager
def _same_noise() -> Iterator[None]:
    """All noise from a fresh CPU generator, and no recording, so that every device sees the same."""
    generator = torch.Generator().manual_seed(0)

    def noise(like: Tensor, _generator: torch.Generator | None, _share: Share = ALONE) -> Tensor:
        return torch.randn(like.shape, generator=generator).to(like.device)

    def chances(behaviour: ActorCritic, start: State, horizon: int, _generator: torch.Generator | None) -> Chances:
        uniform = torch.rand((len(start.deter), horizon, behaviour.config.action_size), generator=generator)
        normal = torch.randn((len(start.deter), horizon, start.stoch.shape[-1]), generator=generator)
        return Chances(uniform.to(start.deter.device), normal.to(start.deter.device))

    with (
        mock.patch("models.video_model.noise_like", noise),
        mock.patch("models.world_model.noise_like", noise),
        mock.patch.object(ActorCritic, "chances", chances),
        mock.patch("backend.pipeline.pretrain.graph_recorder", lambda _: None),
        mock.patch("backend.pipeline.learner.graph_recorder", lambda _: None),
    ):
        yield


@contextmanager
def _exact_products() -> Iterator[None]:
    """Matrix products and convolutions in float32 proper, not in TF32."""
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


def _line(row: Row, device: str, repeats: int) -> str:
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)
    outcome = measure(row.name, row.sizes, device, 3 if row.name == "collect" else repeats)
    memory = f"{torch.cuda.max_memory_allocated(device) / 2**20:.0f} MiB" if device.startswith("cuda") else ""
    changed = {name: size for name, size in vars(row.sizes).items() if size != getattr(Sizes(), name)}
    sizes = ", ".join(f"{name} {size}" for name, size in changed.items())
    seconds = [1000 * value for value in outcome.repeats]
    value = f"{median(seconds):.2f} ms" if outcome.unit == "s" else f"{outcome.value:.0f} {outcome.unit}"
    spread = f"{min(seconds):.2f} to {max(seconds):.2f} ms"
    return f"| {row.name} | {sizes} | {value} | {spread} | {memory} | {row.target} |"


if __name__ == "__main__":
    main()
