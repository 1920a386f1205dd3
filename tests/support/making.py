"""Tiny runs of methods, for the tests of each."""

from dataclasses import replace

import numpy as np
import torch

from backend.data.clip import Clip
from backend.pipeline.builder import build_settings
from backend.pipeline.finetune import Finetuning
from backend.pipeline.methods.build import build_parts
from backend.pipeline.methods.catalogue import CATALOGUE
from backend.pipeline.methods.needs import takes_several
from backend.pipeline.methods.parts import Parts, Source, with_targets
from backend.pipeline.settings import FinetuneSettings
from models.config import WITH_LATENTS, VideoModelConfig, WorldModelConfig
from models.dreamer_convolutions import conv_kernels
from models.types import Batch
from models.video_model import VideoModel
from models.world_model import WorldModel

SMALL = {"latents": 4, "stoch": 8, "deter": 16, "hidden": 16, "units": 16, "batch": 2, "length": 6, "horizon": 3}
VIDEO = VideoModelConfig(latents=4, stoch=8, deter=16, hidden=16)


def settings(method: str, **changes: object) -> FinetuneSettings:
    built = build_settings("finetune", "tiny", {**SMALL, "method": method, "free_nats": 0.0, **changes})
    assert isinstance(built, FinetuneSettings)
    return built


def a_source(action_size: int = 0, vision: str = "vae") -> Source:
    torch.manual_seed(7)
    deep = {} if vision in WITH_LATENTS else {"kernels": conv_kernels(), "latents": conv_kernels()[-1]}
    return Source(VideoModel(replace(VIDEO, vision=vision, **deep)), action_size)


def source_of(method: str) -> Source:
    """One video model that the method can start from; two teachers, or the agent of a chapter, where it takes these."""
    if method == "lifelong":
        return a_chapter()
    if not takes_several(method):
        visions = {"context model": "context", "context model with latents": "context-vae"}
        return a_source(vision=next((visions[n.kind] for n in CATALOGUE[method].needs if n.kind in visions), "vae"))
    first, second = a_teacher(1), a_teacher(2)
    return first._replace(others=(second,))


def a_teacher(seed: int, action_size: int = 1) -> Source:
    """A random world model with a clip of noise."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 255, (2, 6, 64, 64, 3)).astype(np.uint8)
    empty = np.zeros((2, 6), np.float32)
    clip = Clip(image, rng.uniform(-1, 1, (2, 6, action_size)).astype(np.float32), empty, empty[..., None], ("none",))
    torch.manual_seed(seed)
    sizes = WorldModelConfig(latents=4, stoch=8, deter=16, hidden=16, action_size=action_size, head_units=16)
    return Source(WorldModel(sizes), action_size, clip, f"teacher-{seed}")


def a_chapter(action_size: int = 1, **changes: object) -> Source:
    """What a first task leaves for the next: random weights."""
    parts = build_parts(settings("lifelong", **changes), None, action_size, seed=7)
    return Source(parts.world_model, action_size, actor_critic=parts.actor_critic)


def parts_of(method: str, source: Source | None = None, **changes: object) -> Parts:
    return build_parts(settings(method, **changes), source or source_of(method), 1, seed=0)


def a_run(method: str, **changes: object) -> Finetuning:
    return Finetuning(settings(method, **changes), parts_of(method, **changes), 0, "cpu")


def a_batch(action_size: int = 1) -> Batch:
    generator = torch.Generator().manual_seed(3)
    image = torch.randint(0, 255, (2, 6, 64, 64, 3), dtype=torch.uint8, generator=generator)
    is_first = torch.zeros(2, 6, dtype=torch.bool)
    is_first[:, 0] = True
    action = torch.rand(2, 6, action_size, generator=generator) * 2 - 1
    batch = Batch(
        image, action, torch.rand(2, 6, generator=generator), torch.ones(2, 6), is_first, torch.zeros(2, 6, 0)
    )
    return batch._replace(recoloured=255 - image, nearness=image[..., 0])


def learn(run: Finetuning) -> dict[str, torch.Tensor]:
    return run.learn(with_targets(a_batch(), run.parts.lessons), 0)
