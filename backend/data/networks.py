"""The networks of a checkpoint: built from the sizes in config.json, filled from named tensors."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from backend.data.adapters.registry import find_layout
from models.actor_critic import ActorCritic
from models.adapters.adapted import Adapted, adapted
from models.adapters.adapter import LayoutError
from models.browsable import Browsable
from models.config import ActorCriticConfig, VideoModelConfig, WorldModelConfig
from models.video_model import VideoModel
from models.world_model import WorldModel


class CheckpointError(Exception):
    """A checkpoint cannot be used; the message says which part and why."""


class CorruptCheckpoint(CheckpointError):
    """A file of the checkpoint is missing, damaged or not what its name says."""


class IncompatibleCheckpoint(CheckpointError):
    """The weights do not fit the networks; `problems` lists each key."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(f"the weights do not fit the networks: {'; '.join(problems[:5])}")
        self.problems = problems


def build_networks(sizes: Mapping[str, Any]) -> tuple[Browsable, ActorCritic | None]:
    """Networks of the sizes that config.json names, in evaluation mode, weights not yet set."""
    if Adapted.kind in sizes:
        return _adapted(sizes[Adapted.kind]), None
    try:
        model: VideoModel = (
            WorldModel(WorldModelConfig(**_tuples(sizes["world_model"])))
            if "world_model" in sizes
            else VideoModel(VideoModelConfig(**_tuples(sizes["video_model"])))
        )
        behaviour = ActorCritic(ActorCriticConfig(**sizes["actor_critic"])) if "actor_critic" in sizes else None
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CorruptCheckpoint(f"config.json does not describe networks that this version knows: {error}") from error
    if behaviour is not None and not _belongs(behaviour.config, model.config):
        raise CorruptCheckpoint("config.json names a policy for another world model, of other states or actions")
    for network in (model, behaviour):
        if network is not None:
            network.eval().requires_grad_(False)
    return model, behaviour


def _adapted(sizes: Mapping[str, Any]) -> Adapted:
    """A model from elsewhere; config.json names its layout, which is built in or installed, and never a module."""
    try:
        layout, options = find_layout(str(sizes["layout"])), dict(sizes["options"])
        return adapted(layout.build(options), layout.name, options)
    except (LayoutError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CorruptCheckpoint(f"config.json does not describe a model that this version knows: {error}") from error


def restore_weights(networks: Mapping[str, nn.Module], tensors: Mapping[str, Tensor]) -> None:
    """Loads `<network>.<key>` tensors into networks; raises IncompatibleCheckpoint with every problem."""
    expected = {f"{name}.{key}": value for name, net in networks.items() for key, value in net.state_dict().items()}
    problems = [f"missing {key}" for key in expected.keys() - tensors.keys()]
    problems += [f"unknown {key}" for key in tensors.keys() - expected.keys()]
    for key in sorted(expected.keys() & tensors.keys()):
        if expected[key].shape != tensors[key].shape:
            problems.append(f"{key} is {tuple(tensors[key].shape)}, needed {tuple(expected[key].shape)}")
        elif not bool(torch.isfinite(tensors[key]).all()):
            problems.append(f"{key} holds NaN or infinite weights")
    if problems:
        raise IncompatibleCheckpoint(sorted(problems))
    for name, net in networks.items():
        net.load_state_dict({key: tensors[f"{name}.{key}"] for key in net.state_dict()})


def named_tensors(prefix: str, network: nn.Module) -> dict[str, Tensor]:
    """The weights of a network on the CPU, each named `<prefix>.<key>`."""
    return {f"{prefix}.{key}": value.detach().cpu().contiguous() for key, value in network.state_dict().items()}


def _belongs(policy: ActorCriticConfig, model: VideoModelConfig) -> bool:
    """Whether a policy reads this model's states and acts with its actions."""
    read = (policy.feature, policy.action_size, policy.skip)
    return read == (model.feature, model.action_size, model.heads.start)


def _tuples(sizes: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in sizes.items()}
