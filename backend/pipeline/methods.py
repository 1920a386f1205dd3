"""Methods by name: DisWM, its ablations and the paper's baselines, each a composition of the same parts."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Literal, NamedTuple

import torch
from torch import nn

from backend.pipeline.curriculum import initialised
from backend.pipeline.distill import DISTILLERS, Distiller, distill_weight
from backend.pipeline.settings import FinetuneSettings, Problem, SettingsError
from models.actor_critic import ActorCritic
from models.config import ActorCriticConfig, WorldModelConfig, kernels
from models.conv import conv_kernels
from models.novelty import NeighbourBonus
from models.rssm import StackedRSSM
from models.types import Batch, normalise
from models.video_model import VideoModel
from models.world_model import WorldModel

NOT_ACTION_FREE = "this checkpoint is a world model with actions; the method starts from an action-free video model"


class Source(NamedTuple):
    """A pretrained video model, and the size of the actions that its videos were made with."""

    model: VideoModel
    action_size: int


@dataclass(frozen=True)
class Parts:
    """What a method is made of; `weights` are those of the losses that count the same at every step."""

    world_model: WorldModel
    actor_critic: ActorCritic
    weights: dict[str, float]
    distiller: Distiller | None = None
    bonus: "IntrinsicBonus | None" = None
    constraints: tuple[str, ...] = ()  # losses that beta weighs

    def helpers(self) -> dict[str, nn.Module]:
        """What a resumed run needs besides the agent: the video model, and the memory of the bonus."""
        teacher = {"teacher": self.distiller.teacher} if self.distiller else {}
        return {**teacher, **({"bonus": self.bonus} if self.bonus else {})}


class IntrinsicBonus(nn.Module):
    """Adds to the rewards of a batch how new its video is to the action-free model underneath (APV)."""

    def __init__(self, world_model: WorldModel, neighbours: NeighbourBonus, weight: float) -> None:
        super().__init__()
        self.neighbours = neighbours
        self._world_model = [world_model]  # in a list: its weights are not this module's
        self._weight = weight

    @torch.no_grad()
    def forward(self, batch: Batch) -> Batch:
        """The batch with other rewards."""
        (world_model,) = self._world_model
        latent = world_model.encode(normalise(batch.image)).mean
        observed = world_model.observe(latent, batch.action, batch.is_first)
        assert isinstance(world_model.rssm, StackedRSSM)
        below, _ = world_model.rssm.apart(observed.states)
        return batch._replace(reward=batch.reward + self._weight * self.neighbours(below.feature))


@dataclass(frozen=True)
class Method:
    """A method: what it is, whether it starts from a video model, and how its parts are put together."""

    title: str
    video_model: Literal["unused", "optional", "needed"]
    build: Callable[[FinetuneSettings, Source | None, int], Parts]


def build_parts(settings: FinetuneSettings, source: Source | None, action_size: int, seed: int) -> Parts:
    """The parts of the method that the settings name, their weights drawn from `seed`; raises SettingsError."""
    if source is None:
        check_source(settings, None)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return METHODS[settings.method].build(settings, source, action_size)


def check_source(settings: FinetuneSettings, config: Mapping[str, Any] | None) -> None:
    """Raises SettingsError where a method does not go with the video model whose config.json this is, or with none."""
    method = METHODS[settings.method]
    if config is None:
        if method.video_model == "needed":
            message = f"{settings.method} starts from a pretrained video model: name its checkpoint as the teacher"
            raise SettingsError([Problem("/teacher", message)])
        return
    networks = config["networks"]
    if method.video_model == "optional":
        _check_latents(settings, networks.get("world_model") or networks["video_model"])
    if method.video_model == "needed" and "video_model" not in networks:
        raise SettingsError([Problem("/teacher", NOT_ACTION_FREE)])


def _check_latents(settings: FinetuneSettings, sizes: Mapping[str, Any]) -> None:
    """Raises SettingsError unless a model of these sizes has latents, and as many as the world model."""
    if sizes.get("vision", "vae") != "vae":
        message = "the video model has no latents to distil: its image networks are DreamerV2's (vision is conv)"
        raise SettingsError([Problem("/teacher", message)])
    if sizes["latents"] != settings.latents:
        message = f"the video model has {sizes['latents']} latents, the world model {settings.latents}"
        raise SettingsError([Problem("/latents", message)])


def _diswm(settings: FinetuneSettings, source: Source | None, action_size: int) -> Parts:
    """The paper's method: beta-VAE latents, held to N(0, I) by beta and to the video model's by eta."""
    parts = _plain(settings, _sizes(settings, action_size))
    return replace(parts, distiller=None if source is None else _distiller(settings, source.model))


def _without_distillation(settings: FinetuneSettings, _source: Source | None, action_size: int) -> Parts:
    return _diswm(settings, None, action_size)


def _without_disentanglement(settings: FinetuneSettings, source: Source | None, action_size: int) -> Parts:
    parts = _diswm(settings, source, action_size)
    return _unconstrained(parts)


def _dreamerv2(settings: FinetuneSettings, _source: Source | None, action_size: int) -> Parts:
    """Convolutions 32 deep, an embedding that nothing holds to a prior, no distillation."""
    deep = conv_kernels()
    return _plain(settings, replace(_sizes(settings, action_size), vision="conv", kernels=deep, latents=deep[-1]))


def _finetuned(settings: FinetuneSettings, source: Source | None, action_size: int) -> Parts:
    """DreamerV2 that goes on with the video model's weights; actions are padded to the larger of both sizes."""
    pretrained = _action_free(source)
    padded = max(action_size, source.action_size if source else 0)
    sizes = replace(_sizes(settings, padded), **(asdict(pretrained.config) | {"action_size": padded}))
    parts = _unconstrained(_plain(settings, sizes))
    state = pretrained.state_dict()
    kept = state.pop("rssm.enter.weight")
    missing, unknown = parts.world_model.load_state_dict(state, strict=False)
    assert not unknown and all(key.startswith(("reward_head", "discount_head", "rssm.enter")) for key in missing)
    with torch.no_grad():
        parts.world_model.rssm.get_parameter("enter.weight")[:, : kept.shape[1]] = kept
    return parts


def _apv(settings: FinetuneSettings, source: Source | None, action_size: int) -> Parts:
    """The pretrained action-free model below, a new one with actions on its features, and the intrinsic bonus."""
    pretrained = _action_free(source)
    below = pretrained.config
    sizes = replace(
        _sizes(settings, action_size),
        latents=below.latents,
        kernels=below.kernels,
        vision=below.vision,
        below_stoch=below.stoch,
        below_deter=below.deter,
        below_hidden=below.hidden,
    )
    parts = _unconstrained(_plain(settings, sizes))
    assert isinstance(parts.world_model.rssm, StackedRSSM)
    parts.world_model.encoder.load_state_dict(pretrained.encoder.state_dict())
    parts.world_model.rssm.below.load_state_dict(pretrained.rssm.state_dict())
    neighbours = NeighbourBonus(
        below.feature, settings.bonus_size, settings.bonus_queue, settings.bonus_neighbours, settings.bonus_length
    )
    return replace(parts, bonus=IntrinsicBonus(parts.world_model, neighbours, settings.bonus_weight))


METHODS: dict[str, Method] = {
    "diswm": Method("DisWM", "optional", _diswm),
    "diswm-no-distillation": Method("DisWM without distillation", "unused", _without_distillation),
    "diswm-no-disentanglement": Method("DisWM without disentanglement", "optional", _without_disentanglement),
    "dreamerv2": Method("DreamerV2", "unused", _dreamerv2),
    "dv2-finetune": Method("DreamerV2, finetuned", "needed", _finetuned),
    "apv": Method("APV", "needed", _apv),
}  # fmt: skip


def _plain(settings: FinetuneSettings, sizes: WorldModelConfig) -> Parts:
    """A world model of these sizes, actor and critic, and the weights of its losses (eq. 5)."""
    world_model = initialised(WorldModel(sizes), settings)
    behaviour = ActorCriticConfig(
        feature=sizes.feature, action_size=sizes.action_size, skip=sizes.heads.start, units=settings.units
    )
    weights = {"image": 1.0, "reward": settings.reward_scale}
    if settings.overshooting:
        weights["overshooting"] = settings.overshooting
    if settings.discount_layers:
        weights["discount"] = 1.0
    return Parts(world_model, ActorCritic(behaviour), weights, constraints=world_model.encoder.constraints)


def _unconstrained(parts: Parts) -> Parts:
    """The same without a prior on the latent, as DreamerV2 has none."""
    return replace(parts, weights=parts.weights | dict.fromkeys(parts.constraints, 0.0), constraints=())


def _sizes(settings: FinetuneSettings, action_size: int) -> WorldModelConfig:
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


def _distiller(settings: FinetuneSettings, teacher: VideoModel) -> Distiller:
    _check_latents(settings, asdict(teacher.config))
    schedule = partial(
        distill_weight,
        start=settings.distill_start,
        end=settings.distill_end,
        ramp=settings.distill_steps,
        delay=settings.distill_delay,
    )
    return DISTILLERS[settings.distillation](teacher, schedule)


def _action_free(source: Source | None) -> VideoModel:
    assert source is not None
    if type(source.model) is not VideoModel:
        raise SettingsError([Problem("/teacher", NOT_ACTION_FREE)])
    return source.model
