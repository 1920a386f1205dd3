"""The authors' published code beside ours: whole updates in turn, on this machine's CPU.

python -m benchmarks.authors PATH     (PATH: a checkout of github.com/qiwang067/DisWM; about ten minutes on two cores)

Nothing of theirs is here but the names that are called. Both have a package `models`: each side is a process of its
own, which gives it its own peak memory, too, and ours is imported where it is used, as theirs imports this file.
"""

import argparse
import datetime
import itertools
import multiprocessing
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from statistics import median
from types import ModuleType, SimpleNamespace
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
import yaml  # type: ignore[import-untyped] # its stubs are not among our tools
from torch import nn

RESULTS = Path(__file__).parent / "results"
WORKS = ("pretrain", "update", "update, distilled as released")
SIZES = ((16, 16), (50, 50))
WARM_UPS = 2
ACTIONS = 6  # as in backend.bench.workloads
STUBBED = ("wandb", "ruamel", "ruamel.yaml", "wrappers")  # curves on the web, a reader of YAML, their environments
RATES = ("model_lr", "value_lr", "actor_lr", "opt_eps")  # 3e-4 is a number to their reader of YAML, text to ours
COLUMNS = ("work", "batch x length", "authors'", "range", "ours", "range", "ratio", "authors' peak memory", "our peak")

Built = tuple[Callable[[], object], dict[str, nn.Module]]  # an update, and the networks that it teaches


class Task(NamedTuple):
    """What a process repeats."""

    theirs: bool
    path: Path
    work: str
    batch: int
    length: int


def main() -> None:
    """Measures, prints and saves the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--note", default="", help="a sentence on the checkout, for the heading")
    chosen = parser.parse_args()
    times, weights = list[str](), dict[str, str]()
    for work, size in itertools.product(WORKS, SIZES):
        times.append(_measure(Task(True, chosen.path.resolve(), work, *size), chosen.repeats, weights))
        print(times[-1], file=sys.stderr)
    table = [*_heading(chosen.path, chosen.note), _cells(*COLUMNS), "|---" * len(COLUMNS) + "|", *times, ""]
    text = "\n".join([*table, _cells("weights", "authors'", "ours"), "|---|---|---|", *weights.values(), ""])
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"authors-{datetime.date.today().isoformat()}.md").write_text(text)
    print(text)


def _measure(task: Task, repeats: int, weights: dict[str, str]) -> str:
    """A row of times and memory; adds one for every network to `weights`, of which both sides must have as many."""
    from benchmarks.table import readable

    spawn, tasks = multiprocessing.get_context("spawn"), (task, task._replace(theirs=False))
    with ProcessPoolExecutor(1, spawn) as theirs, ProcessPoolExecutor(1, spawn) as ours:

        def both(ask: Callable[[Task], Any]) -> list[Any]:
            return [pool.submit(ask, each).result() for pool, each in zip((theirs, ours), tasks, strict=True)]

        turns = [both(_seconds) for _ in range(WARM_UPS + repeats)][WARM_UPS:]
        counts, peaks = zip(*both(_sizes), strict=True)
    for name, count in counts[0].items():
        assert abs(count - counts[1][name]) <= 0.01 * count, f"{name}: {count:,} weights, ours has {counts[1][name]:,}"
        weights[name] = _cells(name, f"{count:,}", f"{counts[1][name]:,}")
    sides = [(median(seconds), min(seconds), max(seconds)) for seconds in zip(*turns, strict=True)]
    ratio = f"{sides[0][0] / sides[1][0]:.2f}"
    shown = [[readable(value, "s") for value in side] for side in sides]
    times = [cell for middle, least, most in shown for cell in (middle, f"{least} to {most}")]
    return _cells(task.work, f"{task.batch} x {task.length}", *times, ratio, *(f"{peak:.0f} MB" for peak in peaks))


def _seconds(task: Task) -> float:
    update, _ = _built(task)
    begun = time.perf_counter()
    update()
    return time.perf_counter() - begun


def _sizes(task: Task) -> tuple[dict[str, int], float]:
    """Weights of every network, and the peak of this process in MB."""
    counts = {name: sum(weight.numel() for weight in net.parameters()) for name, net in _built(task)[1].items()}
    return counts, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@cache
def _built(task: Task) -> Built:
    return _theirs(task) if task.theirs else _ours(task)


def _ours(task: Task) -> Built:
    """What `diswm bench pretrain` and `diswm bench update` measure, or the latter with the published distillation."""
    from backend.bench.workloads import Sizes, example_batch
    from backend.pipeline.finetune import Finetuning
    from backend.pipeline.malloc import keep_freed_memory
    from backend.pipeline.methods.build import build_parts
    from backend.pipeline.methods.parts import Source, with_targets
    from backend.pipeline.pretrain import Pretraining
    from backend.pipeline.settings import FinetuneSettings, PretrainSettings
    from models.config import VideoModelConfig
    from models.video_model import VideoModel

    keep_freed_memory()
    batch = example_batch(Sizes(task.batch, task.length))
    if task.work == "pretrain":
        pretraining = Pretraining(PretrainSettings(batch=task.batch, length=task.length), 0, "cpu")
        return partial(pretraining.step, batch), {"video model": pretraining.model}
    distillation: Literal["gaussian", "as-released"] = "as-released" if "released" in task.work else "gaussian"
    settings = FinetuneSettings(batch=task.batch, length=task.length, distillation=distillation)
    parts = build_parts(settings, Source(VideoModel(VideoModelConfig()), ACTIONS), ACTIONS, 0)
    run, behaviour = Finetuning(settings, parts, 0, "cpu"), parts.actor_critic
    nets = {"world model": parts.world_model, "actor": behaviour.actor, "critic": behaviour.critic}
    return partial(run.learn, with_targets(batch, parts.lessons), 0), nets


def _theirs(task: Task) -> Built:
    """Their `Dreamer._train`, of pretraining or of learning online, with the options of their README's runs on DMC."""
    sys.path.insert(0, str(task.path))
    sys.modules.update({name: ModuleType(name) for name in STUBBED})
    sys.modules["wandb"].log = lambda *_: None  # type: ignore[attr-defined] # a stub
    pretraining = task.work == "pretrain"
    known = yaml.safe_load((task.path / "configs.yaml").read_text())
    options = known["defaults"] | known["dmc2gym"]
    options |= {name: float(options[name]) for name in RATES} | {"size": tuple(options["size"])}
    options |= {"device": "cpu", "act": getattr(nn, options["act"]), "traindir": task.path / "train_eps"}
    options |= {"beta_vae": True, "beta_vae_pretrain": pretraining, "distillation": not pretraining}
    options |= dict.fromkeys(("num_actions", "pretrain_action_num", "source_action_num"), ACTIONS)
    agent = import_module("pretrain" if pretraining else "dreamer").Dreamer(SimpleNamespace(**options), None, None)
    agent.requires_grad_(False)
    random, shape = np.random.default_rng(0), (task.batch, task.length)
    data = {name: random.random(shape, np.float32) for name in ("reward", "discount", "logprob")}
    data |= {"image": random.integers(0, 256, (*shape, 64, 64, 3), np.uint8), "is_terminal": np.zeros(shape, bool)}
    data["action"] = random.random((*shape, ACTIONS), np.float32) * 2 - 1
    learned = nn.ModuleList([agent._wm.encoder, agent._wm.dynamics, agent._wm.heads])
    if pretraining:
        return partial(agent._train, data), {"video model": learned}
    behaviour = agent._task_behavior
    nets = {"world model": learned, "actor": behaviour.actor, "critic": behaviour.value}
    return partial(agent._train, data), nets


def _cells(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _heading(path: Path, note: str) -> list[str]:
    from backend.pipeline.precision import image_precision
    from benchmarks.table import processor

    asked = [["git", "-C", str(place), "rev-parse", "--short", "HEAD"] for place in (".", path)]
    ours, theirs = (subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip() for git in asked)
    return [
        f"# The authors' code and ours on {processor()}, {datetime.date.today().isoformat()}",
        "",
        f"`python -m benchmarks.authors PATH` at {ours}, theirs at {theirs or 'no commit'}, torch {torch.__version__}, "
        f"{torch.get_num_threads()} threads, Python {platform.python_version()}; convolutions in float32, ours in "
        f"{str(image_precision('cpu')).removeprefix('torch.')}. {note}".rstrip(),
        "",
        "Whole updates, theirs and ours in turn, on noise: no environment, no sampling of batches. In an online update "
        "theirs asks the teacher and trains it, too; ours has its answers beside the frames, but for the rows "
        "`distilled as released`, where it does as theirs.",
        "",
    ]


if __name__ == "__main__":
    main()
