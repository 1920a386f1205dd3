"""What a method is made of: networks and loss weights, and the parts that a method may replace."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from backend.data.clip import Clip
from backend.pipeline.curriculum import initialised
from backend.pipeline.methods.behaviour import Advice, Behaviour, RewardHead, Tutor
from backend.pipeline.publish import Finding
from backend.pipeline.settings import FinetuneSettings, LearningSettings
from models.actor_critic import ActorCritic
from models.config import ActorCriticConfig, WorldModelConfig, kernels
from models.types import Batch
from models.video_model import Inference, VideoModel
from models.world_model import WorldModel


class Source(NamedTuple):
    """A pretrained model, the size of the actions that its frames were made with, and what came with it."""

    model: VideoModel
    action_size: int
    clip: Clip | None = None
    name: str = ""
    others: tuple["Source", ...] = ()  # further teachers, of a method that takes several
    actor_critic: ActorCritic | None = None  # its policy

    @property
    def all(self) -> tuple["Source", ...]:
        """This one and the further ones."""
        return (self._replace(others=()), *self.others)


class Lesson(Protocol):
    """A further loss of the world model, with its own weight. Never waits for the device.

    A class that inherits from it has no target, and nothing that is trained, unless it says otherwise.
    """

    weight_name: str  # name of its weight among the metrics
    target_size: int = 0  # K: how many numbers per frame `target` gives

    def weight(self, agent_step: int, update: int) -> float:
        """The weight of the loss at an agent step and an update."""
        ...

    def target(self, image: Tensor) -> Tensor:
        """A fixed target computed from stored images (N, H, W, C) uint8 and kept with them: (N, K)."""
        return image.new_zeros(len(image), 0, dtype=torch.float32)

    def loss(self, batch: Batch, target: Tensor, inference: Inference, generator: torch.Generator | None) -> Tensor:
        """The loss of a batch, from its targets (B, T, K) and the world model's outputs for it: (B, T)."""
        ...

    def learned(self) -> list[nn.Parameter]:
        """Weights that are trained together with the world model."""
        return []


Prepare = Callable[[Batch], Batch]
"""Changes a batch before each update, outside the part that is recorded for a GPU."""
Notes = Callable[[], dict[str, float]]
"""Metrics that are read from the device only when a line is logged."""


@dataclass(frozen=True)
class Parts:
    """What a method is made of; `weights` are those of the losses whose weight is constant."""

    world_model: WorldModel
    actor_critic: ActorCritic
    weights: dict[str, float]
    constraints: tuple[str, ...] = ()  # losses that are weighted by beta
    lessons: Mapping[str, Lesson] = field(default_factory=dict)  # by the name of the loss
    prepare: tuple[Prepare, ...] = ()  # in this order
    behaviour: Behaviour = field(default_factory=Behaviour)
    companions: Mapping[str, nn.Module] = field(
        default_factory=dict
    )  # what a resumed run needs in addition to the agent
    notes: Notes = dict  # further metrics of a log line
    findings: Mapping[str, Finding] = field(default_factory=dict)  # by the name of the file, beside each checkpoint


def target_of(lessons: Mapping[str, Lesson], image: Tensor) -> Tensor:
    """Every lesson's target of images (N, H, W, C) uint8, side by side: (N, K)."""
    return torch.cat([lesson.target(image) for lesson in lessons.values()], -1)


def lesson_losses(
    lessons: Mapping[str, Lesson], batch: Batch, inference: Inference, generator: torch.Generator | None
) -> dict[str, Tensor]:
    """Every lesson's loss, (B, T), by its name; each gets its own columns of the batch's targets."""
    targets = torch.split(batch.target, [lesson.target_size for lesson in lessons.values()], -1)
    return {
        name: lesson.loss(batch, target, inference, generator)
        for (name, lesson), target in zip(lessons.items(), targets, strict=True)
    }


def with_targets(batch: Batch, lessons: Mapping[str, Lesson]) -> Batch:
    """A batch that does not come from a replay, with the targets that a replay would have stored."""
    if not lessons:
        return batch
    return batch._replace(target=torch.stack([target_of(lessons, images) for images in batch.image]))


def sizes_of(settings: LearningSettings, action_size: int) -> WorldModelConfig:
    """The world model's sizes from the settings."""
    return WorldModelConfig(
        latents=settings.latents,
        stoch=settings.stoch,
        deter=settings.deter,
        hidden=settings.hidden,
        action_size=action_size,
        discount_layers=settings.discount_layers,
        head_units=settings.units,
        kernels=kernels(settings.first_channels),
    )


def standard_parts(settings: LearningSettings, sizes: WorldModelConfig) -> Parts:
    """A world model of these sizes, actor and critic, and the weights of its losses (eq. 5)."""
    world_model = initialised(WorldModel(sizes), settings)
    behaviour = ActorCriticConfig(
        feature=sizes.feature, action_size=sizes.action_size, skip=sizes.heads.start, units=settings.units
    )
    weights = {"image": 1.0, "reward": settings.reward_scale}
    if settings.overshooting:
        weights |= {"overshooting": settings.overshooting, "reward_ahead": settings.reward_scale}
    if settings.discount_layers:
        weights["discount"] = 1.0
    tutors: tuple[Tutor, ...] = ()
    companions: dict[str, nn.Module] = {}
    advised = settings.advice if isinstance(settings, FinetuneSettings) else 0.0
    if advised:
        size = world_model.rssm.initial(1).feature.shape[-1]
        advice = Advice(advised, size, sizes.action_size, settings.batch * settings.length)
        tutors, companions = (advice,), {"advice": advice}
    return Parts(
        world_model,
        ActorCritic(behaviour),
        weights,
        constraints=world_model.encoder.constraints,
        behaviour=Behaviour(RewardHead(settings.imagine_every), tutors),
        companions=companions,
    )


def unconstrained(parts: Parts) -> Parts:
    """The same without a prior on the latent, since DreamerV2 has none."""
    return replace(parts, weights=parts.weights | dict.fromkeys(parts.constraints, 0.0), constraints=())


def pretrained_of(source: Source | None) -> VideoModel:
    """The video model of a method that needs one; `check_source` has made sure that it is there."""
    assert source is not None
    return source.model
