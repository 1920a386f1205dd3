"""A checkpoint as a folder: weights as safetensors, settings, statistics and a clip to look at, with hashes."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from backend.data.files import CorruptFile, verify_folder, write_folder, write_json
from backend.data.masks import pack_masks, read_masks
from models.actor_critic import ActorCritic
from models.config import ActorCriticConfig, VideoModelConfig, WorldModelConfig
from models.traversal import LatentStatistics
from models.video_model import VideoModel
from models.world_model import WorldModel

FORMAT = 1
CARD = "README.md"  # outside the manifest, as are those below
FACTORS, CHECKS, LABELS = "factors.json", "interventions.json", "labels.json"  # found out later: `findings`
QUALITY = "quality.json"  # too, where it was not measured when the checkpoint was written
CLIP_ARRAYS = ("image", "action", "reward", "factors")


class CheckpointError(Exception):
    """A checkpoint cannot be used; the message says which part and why."""


class CorruptCheckpoint(CheckpointError):
    """A file of the checkpoint is missing, damaged or not what its name says."""


class IncompatibleCheckpoint(CheckpointError):
    """The weights do not fit the networks; `problems` lists each key."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(f"the weights do not fit the networks: {'; '.join(problems[:5])}")
        self.problems = problems


@dataclass(frozen=True)
class Clip:
    """Episodes that travel with a checkpoint, so that it can be looked at without its data set."""

    image: NDArray[np.uint8]  # (E, T, 64, 64, 3)
    action: NDArray[np.float32]  # (E, T, A); action[:, t] led to image[:, t]
    reward: NDArray[np.float32]  # (E, T)
    factors: NDArray[np.float32]  # (E, T, F)
    factor_names: tuple[str, ...]
    agent: NDArray[np.bool_] | None = None  # (E, T, 64, 64): which pixels show the agent; None where nobody knows
    agent_part: NDArray[np.uint8] | None = None  # (E, T, 64, 64): which part of it, from 1; as `envs.parts` names them

    def write(self, path: Path) -> None:
        """Writes the clip as a compressed npz."""
        values = {name: getattr(self, name) for name in CLIP_ARRAYS}
        if self.agent is not None:
            values["agent"] = pack_masks(self.agent)
        if self.agent_part is not None:
            values["agent_part"] = self.agent_part
        np.savez_compressed(path, factor_names=np.array(self.factor_names, dtype=np.str_), **values)

    @classmethod
    def read(cls, path: Path) -> "Clip":
        """Reads what `write` wrote; nothing in the file is ever executed."""
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in CLIP_ARRAYS}
            masks = read_masks(file, arrays["image"].shape[:2])
            names = tuple(str(name) for name in file["factor_names"])
            return cls(**arrays, factor_names=names, **masks._asdict())


@dataclass(frozen=True)
class Label:
    """What a person calls a dimension; it wins over every computed name."""

    name: str
    note: str = ""
    author: str = ""
    written_at: str = ""
    carried_from: str | None = None  # the checkpoint whose label was matched to this dimension


@dataclass(frozen=True)
class CheckpointInfo:
    """What the catalogue says of a checkpoint without loading its weights."""

    id: str
    name: str
    stage: str  # pretrain, finetune or import
    source: str  # shipped, run or import
    folder: Path
    created_at: str
    run: str | None
    environment: str | None
    steps: int  # gradient updates of the model
    latents: int
    config: dict[str, Any]
    kept_in: Path | None = None  # where what is found out later is written, if not in `folder`

    @property
    def findings(self) -> Path:
        """Where what is found out later is written: the checkpoint's folder, unless it was shipped."""
        return self.kept_in or self.folder

    def found(self, name: str) -> Path:
        """Where FACTORS, CHECKS or LABELS is read: among the findings, else as it was shipped; perhaps nowhere."""
        own = self.findings / name
        return own if own.exists() else self.folder / name

    def keep(self, name: str, value: object) -> None:
        """Writes FACTORS, CHECKS or LABELS among the findings. Raises OSError."""
        self.findings.mkdir(parents=True, exist_ok=True)
        write_json(self.findings / name, value)


@dataclass
class Checkpoint:
    """A loaded checkpoint, its networks in evaluation mode on the CPU."""

    info: CheckpointInfo
    model: VideoModel
    actor_critic: ActorCritic | None
    clip: Clip
    statistics: LatentStatistics

    @property
    def quality(self) -> dict[str, Any] | None:
        """What `diswm quality` measured, or None where nobody did yet."""
        return read_quality(self.info)

    @property
    def factors(self) -> dict[str, Any] | None:
        """What `diswm factors` found, or None where it has not run."""
        path = self.info.found(FACTORS)
        return json.loads(path.read_bytes()) if path.exists() else None

    @property
    def labels(self) -> dict[int, Label]:
        """Human names of dimensions."""
        return read_labels(self.info)


def save_checkpoint(
    folder: Path,
    *,
    model: VideoModel,
    actor_critic: ActorCritic | None,
    config: Mapping[str, Any],
    clip: Clip,
    statistics: LatentStatistics,
    quality: Mapping[str, Any] | None = None,
) -> None:
    """Writes a checkpoint folder, whole or not at all.

    `config` describes the training: name, stage, environment, steps, created_at, seed, settings,
    versions; the sizes of the networks are added here. `quality` is what `measure_quality` answered.
    """
    sizes = {model.kind: asdict(model.config)}
    if actor_critic is not None:
        sizes["actor_critic"] = asdict(actor_critic.config)
    described = {**config, "format": FORMAT, "networks": sizes}
    measured = {} if quality is None else {"quality": quality}
    tensors = _tensors("model", model) | (_tensors("actor_critic", actor_critic) if actor_critic else {})
    write_folder(
        folder,
        {
            "model.safetensors": lambda path: save_file(tensors, path),
            "config.json": json.dumps(described, indent=1, allow_nan=False).encode(),
            "statistics.json": json.dumps(statistics.to_json() | measured, allow_nan=False).encode(),
            "clip.npz": clip.write,
        },
    )


def read_info(folder: Path, id: str, source: str, kept_in: Path | None = None) -> CheckpointInfo:
    """Describes a checkpoint folder without loading its weights; raises CorruptCheckpoint."""
    try:
        config = json.loads((folder / "config.json").read_bytes())
        sizes = config["networks"].get("world_model") or config["networks"]["video_model"]
        environment = config.get("environment")
        return CheckpointInfo(
            id=id,
            name=str(config["name"]),
            stage=str(config["stage"]),
            source=source,
            folder=folder,
            created_at=str(config["created_at"]),
            run=id.partition(".update-")[0].removesuffix("-pretrain") if source == "run" else None,
            environment=None if environment is None else str(environment),
            steps=int(config["steps"]),
            latents=int(sizes["latents"]),
            config=config,
            kept_in=kept_in,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise CorruptCheckpoint(f"{folder.name}/config.json cannot be read: {error!r}") from error


def load_checkpoint(info: CheckpointInfo) -> Checkpoint:
    """Verifies and loads a checkpoint; raises CorruptCheckpoint or IncompatibleCheckpoint."""
    try:
        verify_folder(info.folder)
    except CorruptFile as error:
        raise CorruptCheckpoint(str(error)) from error
    model, actor_critic = build_networks(info.config["networks"])
    try:
        tensors = load_file(info.folder / "model.safetensors")
        clip = Clip.read(info.folder / "clip.npz")
        values = _read_statistics(info.folder)
        values.pop("quality", None)
        statistics = LatentStatistics.from_json(values)
    except (SafetensorError, ValueError, KeyError, TypeError, OSError) as error:
        raise CorruptCheckpoint(f"the checkpoint {info.name} cannot be read: {error}") from error
    restore_weights({"model": model, **({"actor_critic": actor_critic} if actor_critic else {})}, tensors)
    actions, known = model.config.action_size, clip.action.shape[-1]
    if actions and known != actions:
        raise CorruptCheckpoint(f"clip.npz has {known} actions a step, the world model takes {actions}")
    return Checkpoint(info, model, actor_critic, clip, statistics)


def build_networks(sizes: Mapping[str, Any]) -> tuple[VideoModel, ActorCritic | None]:
    """Networks of the sizes that config.json names, in evaluation mode, weights not yet set."""
    try:
        model = (
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


def read_labels(info: CheckpointInfo) -> dict[int, Label]:
    """Human names of a checkpoint's dimensions: a user's own before those that it was shipped with."""
    labels = _labels(info.folder) | _labels(info.findings)
    return {dim: label for dim, label in sorted(labels.items()) if label.name}


def write_label(info: CheckpointInfo, dim: int, label: Label) -> None:
    """Keeps a human name; an empty one removes it, or hides the one that the checkpoint was shipped with."""
    labels = _labels(info.findings) | {dim: label}
    shipped = _labels(info.folder) if info.findings != info.folder else {}
    kept = {dim: asdict(label) for dim, label in sorted(labels.items()) if label.name or dim in shipped}
    info.keep(LABELS, kept)


def read_quality(info: CheckpointInfo) -> dict[str, Any] | None:
    """What was measured of a model's pictures: later, or when the checkpoint was written; None where it was not."""
    path = info.found(QUALITY)
    if path.exists():
        later: dict[str, Any] = json.loads(path.read_bytes())
        return later
    return _read_statistics(info.folder).get("quality")


def _read_statistics(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / "statistics.json").read_bytes())
    return values


def _labels(folder: Path) -> dict[int, Label]:
    path = folder / LABELS
    stored = json.loads(path.read_bytes()) if path.exists() else {}
    return {int(dim): Label(**label) for dim, label in stored.items()}


def _tensors(prefix: str, network: nn.Module) -> dict[str, Tensor]:
    return {f"{prefix}.{key}": value.detach().cpu().contiguous() for key, value in network.state_dict().items()}


def _belongs(policy: ActorCriticConfig, model: VideoModelConfig) -> bool:
    """Whether a policy reads this model's states and acts with its actions."""
    read = (policy.feature, policy.action_size, policy.skip)
    return read == (model.feature, model.action_size, model.heads.start)


def _tuples(sizes: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in sizes.items()}
