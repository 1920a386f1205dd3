"""What `diswm bench` measures: one function per name, which returns the seconds of each repeat and their unit."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from backend.bench.reference import ReferenceFinetuning, ReferencePretraining
from backend.data.checkpoint import Checkpoint, load_checkpoint, read_info, save_checkpoint
from backend.data.clip import Clip
from backend.export.animation import render_animation
from backend.interpret.rollout import build_rollout
from backend.interpret.rollout_request import RolloutRequest
from backend.interpret.traversal_request import TraversalRequest
from backend.interpret.view import build_atlas, build_view
from backend.pipeline.collect import collect
from backend.pipeline.cuda_graph import WARM_UPS
from backend.pipeline.finetune import Finetuning
from backend.pipeline.malloc import keep_freed_memory
from backend.pipeline.methods.build import build_parts
from backend.pipeline.methods.parts import Source, with_targets
from backend.pipeline.precision import multiply_fast
from backend.pipeline.pretrain import Pretraining
from backend.pipeline.report import Reporter
from backend.pipeline.settings import CollectSettings, FinetuneSettings, PretrainSettings
from models.actor_critic import ActorCritic
from models.agent import Agent
from models.config import ActorCriticConfig, VideoModelConfig, WorldModelConfig
from models.traversal import LatentStatistics, anchor_at, traverse
from models.types import Batch, State
from models.video_model import VideoModel
from models.world_model import WorldModel

ACTIONS = 6  # walker walk's


@dataclass(frozen=True)
class Sizes:
    """Sizes of what is measured; the networks are those of preset `paper`."""

    batch: int = 16
    length: int = 16
    rows: int = 20
    columns: int = 7
    episodes: int = 4
    steps: int = 50
    workers: int = 1


@dataclass(frozen=True)
class Measurement:
    """Median of the repeats in `unit`, and every repeat."""

    value: float
    unit: str
    repeats: list[float]
    detail: dict[str, float]


def measure(name: str, sizes: Sizes, device: str, repeats: int) -> Measurement:
    """Runs one benchmark: a warm-up (on a GPU several, until updates are recorded), then `repeats` timed runs.

    Reference forms run with the C library's default allocator, as most code does.
    """
    if not name.startswith("reference"):
        keep_freed_memory()
        multiply_fast(device)
    if name == "collect":
        return _collect(sizes, repeats)
    with TemporaryDirectory() as folder:
        seconds = _timed(_WORKS[name](sizes, device, Path(folder)), device, repeats)
    frames = sizes.batch * sizes.length
    detail = {"frames_per_second": frames / median(seconds)} if name.endswith(("update", "pretrain")) else {}
    return Measurement(median(seconds), "s", seconds, detail)


def _timed(work: Callable[[], object], device: str, repeats: int) -> list[float]:
    for _ in range(WARM_UPS + 1 if device.startswith("cuda") else 1):
        work()
    seconds = []
    for _ in range(repeats):
        _wait(device)
        begun = time.perf_counter()
        work()
        _wait(device)
        seconds.append(time.perf_counter() - begun)
    return seconds


def _update(sizes: Sizes, device: str, _folder: Path) -> Callable[[], object]:
    """One online update: world model with distillation, then actor and critic."""
    settings = FinetuneSettings(batch=sizes.batch, length=sizes.length)
    source = Source(VideoModel(VideoModelConfig()), ACTIONS)
    run = Finetuning(settings, build_parts(settings, source, ACTIONS, 0), 0, device)
    batch = with_targets(example_batch(sizes), run.parts.lessons)
    return lambda: run.learn(batch, 0)


def _pretrain(sizes: Sizes, device: str, _folder: Path) -> Callable[[], object]:
    run = Pretraining(PretrainSettings(batch=sizes.batch, length=sizes.length), 0, device)
    batch = example_batch(sizes)
    return lambda: run.step(batch)


def _reference_update(sizes: Sizes, device: str, _folder: Path) -> Callable[[], object]:
    settings = FinetuneSettings(batch=sizes.batch, length=sizes.length)
    teacher = VideoModel(VideoModelConfig()).to(device)
    parts = build_parts(settings, Source(teacher, ACTIONS), ACTIONS, 0)
    nets = parts.world_model.to(device), parts.actor_critic.to(device), teacher
    run = ReferenceFinetuning(*nets, settings, torch.Generator(device).manual_seed(0))
    batch = example_batch(sizes)
    return lambda: run.step(Batch(*(part.to(device) for part in batch)), 0.1)


def _reference_pretrain(sizes: Sizes, device: str, _folder: Path) -> Callable[[], object]:
    settings = PretrainSettings(batch=sizes.batch, length=sizes.length)
    model = VideoModel(VideoModelConfig()).to(device)
    run = ReferencePretraining(model, settings, torch.Generator(device).manual_seed(0))
    batch = example_batch(sizes)
    return lambda: run.step(Batch(*(part.to(device) for part in batch)))


def _imagine(sizes: Sizes, device: str, _folder: Path) -> Callable[[], object]:
    """Imagine fifteen steps from every state of a batch with the actor's actions, without decoding."""
    world_model = WorldModel(WorldModelConfig(action_size=ACTIONS)).to(device).requires_grad_(False)
    config = world_model.config
    behaviour = ActorCritic(ActorCriticConfig(config.feature, ACTIONS)).to(device)
    count = sizes.batch * sizes.length
    start = State(torch.zeros(count, config.deter, device=device), torch.zeros(count, config.stoch, device=device))

    @torch.no_grad()
    def work() -> object:
        return behaviour.imagine(world_model, start, behaviour.chances(start, 15, None))

    return work


def _act(_sizes: Sizes, device: str, _folder: Path) -> Callable[[], object]:
    """The agent's action for one frame."""
    world_model = WorldModel(WorldModelConfig(action_size=ACTIONS))
    agent = Agent(world_model, ActorCritic(ActorCriticConfig(world_model.config.feature, ACTIONS))).to(device).eval()
    image = torch.zeros((1, 64, 64, 3), dtype=torch.uint8, device=device)
    return lambda: agent.act(image, agent.begin(1))


def _traversal(sizes: Sizes, device: str, _folder: Path) -> Callable[[], object]:
    """Encode one frame and decode a whole grid in one batch."""
    model, image, values = _grid(sizes, device)
    return lambda: traverse(model, anchor_at(model, image, 0), range(sizes.rows), values)


def _reference_traversal(sizes: Sizes, device: str, _folder: Path) -> Callable[[], object]:
    """The same grid, decoded one cell at a time."""
    model, image, values = _grid(sizes, device)
    cells = [(row, column) for row in range(sizes.rows) for column in range(sizes.columns)]

    def work() -> object:
        anchor = anchor_at(model, image, 0)
        return [traverse(model, anchor, [row], values[row : row + 1, [column]]) for row, column in cells]

    return work


def _grid(sizes: Sizes, device: str) -> tuple[VideoModel, torch.Tensor, torch.Tensor]:
    model = VideoModel(VideoModelConfig()).to(device).eval()
    image = torch.rand(1, 3, 64, 64, device=device) - 0.5
    return model, image, torch.linspace(-2, 2, sizes.columns, device=device).repeat(sizes.rows, 1)


def _atlas(sizes: Sizes, _device: str, folder: Path) -> Callable[[], object]:
    checkpoint = _checkpoint(folder)
    return lambda: build_atlas(checkpoint, TraversalRequest(columns=sizes.columns))


def _rollout(sizes: Sizes, _device: str, folder: Path) -> Callable[[], object]:
    """Eight futures of `steps` imagined steps beside their mean, every frame decoded."""
    checkpoint = _checkpoint(folder)
    request = RolloutRequest(context=5, horizon=sizes.steps, actions="zero", samples=8)
    return lambda: build_rollout(checkpoint, request)


def _gif(sizes: Sizes, _device: str, folder: Path) -> Callable[[], object]:
    """Only the encoding of the file; the grid is decoded beforehand."""
    view = build_view(_checkpoint(folder), TraversalRequest(columns=sizes.columns, dims=tuple(range(sizes.rows))))
    return lambda: render_animation(view, "gif")


def _collect(sizes: Sizes, repeats: int) -> Measurement:
    """Agent steps per second in walker-walk; the start of the processes is included and also reported separately."""
    seconds = [_collected(sizes.episodes, sizes.steps, sizes.workers, repeat) for repeat in range(repeats)]
    start = median(_collected(sizes.workers, 2, sizes.workers, repeat) for repeat in range(repeats))
    steps, took = sizes.episodes * sizes.steps, median(seconds)
    detail = {"agent_steps": float(steps), "start_s": start, "once_started": steps / max(took - start, 1e-9)}
    return Measurement(steps / took, "agent steps/s", seconds, detail)


def _collected(episodes: int, steps: int, workers: int, seed: int) -> float:
    """The seconds that this number of episodes takes."""
    settings = CollectSettings(environment="walker-walk", episodes=episodes, episode_steps=steps, workers=workers)
    with TemporaryDirectory() as folder:
        reporter = Reporter(Path(folder), quiet=True)
        begun = time.perf_counter()
        collect(settings, Path(folder), seed, reporter)
        seconds = time.perf_counter() - begun
        reporter.close()
    return seconds


_WORKS: dict[str, Callable[[Sizes, str, Path], Callable[[], object]]] = {
    "update": _update,
    "pretrain": _pretrain,
    "imagine": _imagine,
    "act": _act,
    "traversal": _traversal,
    "atlas": _atlas,
    "rollout": _rollout,
    "gif": _gif,
    "reference-update": _reference_update,
    "reference-pretrain": _reference_pretrain,
    "reference-traversal": _reference_traversal,
}
NAMES = (*_WORKS, "collect")


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def example_batch(sizes: Sizes) -> Batch:
    """Frames of noise, the same every time, of an environment with six actions."""
    shape = (sizes.batch, sizes.length)
    generator = torch.Generator().manual_seed(0)
    is_first = torch.zeros(shape, dtype=torch.bool)
    is_first[:, 0] = True
    return Batch(
        image=torch.randint(0, 256, (*shape, 64, 64, 3), dtype=torch.uint8, generator=generator),
        action=torch.rand(*shape, ACTIONS, generator=generator) * 2 - 1,
        reward=torch.rand(shape, generator=generator),
        discount=torch.ones(shape),
        is_first=is_first,
        target=torch.zeros(*shape, 0),
    )


def _checkpoint(folder: Path) -> Checkpoint:
    """A video model with random weights: only the time that it takes is measured."""
    torch.manual_seed(0)
    model = VideoModel(VideoModelConfig()).eval().requires_grad_(False)
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (1, 8, 64, 64, 3)).astype(np.uint8)
    blank: dict[str, Any] = {"action": np.zeros((1, 8, 1), np.float32), "reward": np.zeros((1, 8), np.float32)}
    clip = Clip(image=image, **blank, factors=np.zeros((1, 8, 0), np.float32), factor_names=())
    statistics = LatentStatistics.of(rng.normal(size=(100, 20)), np.full((100, 20), -2.0))
    config = {"name": "bench", "stage": "pretrain", "environment": None, "steps": 0, "created_at": ""}
    target = folder / "bench"
    save_checkpoint(target, model=model, actor_critic=None, config=config, clip=clip, statistics=statistics)
    return load_checkpoint(read_info(target, "bench", "run"))
