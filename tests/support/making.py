"""Tiny runs of methods, for the tests of each."""

import torch

from backend.pipeline.builder import build_settings
from backend.pipeline.finetune import Finetuning
from backend.pipeline.methods.build import build_parts
from backend.pipeline.methods.parts import Parts, Source, with_targets
from backend.pipeline.settings import FinetuneSettings
from models.config import VideoModelConfig
from models.types import Batch
from models.video_model import VideoModel

SMALL = {"latents": 4, "stoch": 8, "deter": 16, "hidden": 16, "units": 16, "batch": 2, "length": 6, "horizon": 3}
VIDEO = VideoModelConfig(latents=4, stoch=8, deter=16, hidden=16)


def settings(method: str, **changes: object) -> FinetuneSettings:
    built = build_settings("finetune", "tiny", {**SMALL, "method": method, "free_nats": 0.0, **changes})
    assert isinstance(built, FinetuneSettings)
    return built


def a_source(action_size: int = 0) -> Source:
    torch.manual_seed(7)
    return Source(VideoModel(VIDEO), action_size)


def parts_of(method: str, source: Source | None = None, **changes: object) -> Parts:
    return build_parts(settings(method, **changes), source or a_source(), 1, seed=0)


def a_run(method: str, **changes: object) -> Finetuning:
    return Finetuning(settings(method, **changes), parts_of(method, **changes), 0, "cpu")


def a_batch(action_size: int = 1) -> Batch:
    generator = torch.Generator().manual_seed(3)
    image = torch.randint(0, 255, (2, 6, 64, 64, 3), dtype=torch.uint8, generator=generator)
    is_first = torch.zeros(2, 6, dtype=torch.bool)
    is_first[:, 0] = True
    action = torch.rand(2, 6, action_size, generator=generator) * 2 - 1
    return Batch(image, action, torch.rand(2, 6, generator=generator), torch.ones(2, 6), is_first, torch.zeros(2, 6, 0))


def learn(run: Finetuning) -> dict[str, torch.Tensor]:
    return run.learn(with_targets(a_batch(), run.parts.lessons), 0)
