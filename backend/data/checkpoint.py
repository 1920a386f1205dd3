"""A checkpoint as a folder: weights as safetensors, settings, statistics and a clip to look at, with hashes."""

import errno
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from pydantic import BaseModel
from pydantic_core import from_json
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from backend.data.clip import Clip
from backend.data.files import CorruptFile, verify_folder, write_folder, write_json
from backend.data.networks import (
    CorruptCheckpoint,
    IncompatibleCheckpoint,
    build_networks,
    named_tensors,
    restore_weights,
)
from backend.data.places import Stamp, stamp_of
from backend.envs.protocol import Look
from models.actor_critic import ActorCritic
from models.adapters.adapted import Adapted, capabilities_of_spec
from models.adapters.adapter import Spec
from models.browsable import Browsable
from models.flow import FlowNetwork
from models.traversal import LatentStatistics
from models.types import Capabilities, normalise
from models.video_model import VideoModel, capabilities_of

FORMAT = 1
READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)  # for a checkpoint whose folder cannot be written
CONFIG = "config.json"
CARD = "README.md"  # outside the manifest, as are those below
TEACHERS = "teachers.json"  # how a gate weighs the teachers along the clip, where there are several
FORGETTING = "forgetting.json"  # how well a life-long agent knows each of its tasks after each of them
FACTORS, CHECKS, LABELS = "factors.json", "interventions.json", "labels.json"  # computed later, see `findings`
MOST_CONFIGS = 16_384  # settings of checkpoints that are kept in memory
QUALITY = "quality.json"  # computed later if it was not measured when the checkpoint was written


@dataclass(frozen=True)
class Label:
    """A person's name for a dimension; it takes precedence over every computed name."""

    name: str
    note: str = ""
    author: str = ""
    written_at: str = ""
    carried_from: str | None = None  # the checkpoint whose label was matched to this dimension


class Scene(NamedTuple):
    """What the simulator needs, besides task and distraction, to render frames like those of a model's training."""

    look: Look
    action_repeat: int


@dataclass(frozen=True)
class CheckpointInfo:
    """The catalogue's entry of a checkpoint, made without loading its weights."""

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
    capabilities: Capabilities
    config: dict[str, Any]
    findings_folder: Path | None = None  # the folder of findings, if not `folder`

    @property
    def findings(self) -> Path:
        """The folder that findings are written to: the checkpoint's own, unless it was shipped."""
        return self.findings_folder or self.folder

    @property
    def scene(self) -> Scene:
        """How its frames were made: by the run's own settings, or those of the data set that it learned from."""
        settings = {**(self.config.get("dataset_settings") or {}), **(self.config.get("settings") or {})}
        return Scene(settings.get("look") or "fast", int(settings.get("action_repeat") or 2))

    def found(self, name: str) -> Path:
        """The path of FACTORS, CHECKS or LABELS: among the findings, else in the shipped folder. It may not exist."""
        own = self.findings / name
        return own if own.exists() else self.folder / name

    def write_finding(self, name: str, value: object) -> None:
        """Writes FACTORS, CHECKS or LABELS among the findings. Raises OSError."""
        self.findings.mkdir(parents=True, exist_ok=True)
        write_json(self.findings / name, value)

    def store_finding(self, name: str, value: object) -> None:
        """Writes what can be computed again, unless the checkpoint can only be read. Raises OSError."""
        try:
            self.write_finding(name, value)
        except OSError as error:
            if error.errno not in READ_ONLY:
                raise


class Right(BaseModel):
    """The share of the agent's pixels that a model draws right; None where there is no agent."""

    observed: float | None = None


class QualityInBrief(BaseModel):
    """What lists show of a quality: of thousands of checkpoints, the rest would take seconds to read."""

    agent_right: Right = Right()
    sees: str | None = None


class _StatisticsInBrief(BaseModel):
    quality: QualityInBrief | None = None


@dataclass
class Checkpoint:
    """A loaded checkpoint, its networks in evaluation mode on the CPU."""

    info: CheckpointInfo
    model: Browsable
    actor_critic: ActorCritic | None
    clip: Clip
    statistics: LatentStatistics

    def in_context(self, frame: npt.NDArray[np.uint8]) -> "Checkpoint":
        """The same checkpoint, whose decoder sees this frame (H, W, 3) beside every state, if it sees one at all."""
        return replace(self, model=self.model.in_context(normalise(torch.from_numpy(frame.copy()))))

    @property
    def video_model(self) -> VideoModel:
        """The model, if it has our own networks: only these can be trained further. Raises IncompatibleCheckpoint."""
        if not isinstance(self.model, VideoModel):
            raise IncompatibleCheckpoint([f"{self.info.name} is another project's model: it can be looked at only"])
        return self.model

    @property
    def flow(self) -> FlowNetwork | None:
        """Its network of optical flow, if one was learned beside it."""
        return self.model.flow if isinstance(self.model, VideoModel) else None

    @property
    def quality(self) -> dict[str, Any] | None:
        """What `diswm quality` measured, or None if it has not run."""
        return read_quality(self.info)

    @property
    def factors(self) -> dict[str, Any] | None:
        """The result of `diswm factors`, or None if it has not run."""
        path = self.info.found(FACTORS)
        return json.loads(path.read_bytes()) if path.exists() else None

    @property
    def teachers(self) -> dict[str, Any] | None:
        """How the run's gate weighs its teachers along the clip, or None without several teachers."""
        path = self.info.found(TEACHERS)
        return json.loads(path.read_bytes()) if path.exists() else None

    @property
    def forgetting(self) -> dict[str, Any] | None:
        """How well a life-long agent knows each of its tasks, or None unless its last chapter ended."""
        return read_forgetting(self.info)

    @property
    def labels(self) -> dict[int, Label]:
        """Human names of dimensions."""
        return read_labels(self.info)


def save_checkpoint(
    folder: Path,
    *,
    model: Browsable,
    actor_critic: ActorCritic | None,
    config: Mapping[str, Any],
    clip: Clip,
    statistics: LatentStatistics,
    quality: Mapping[str, Any] | None = None,
) -> None:
    """Writes a checkpoint folder, completely or not at all.

    `config` describes the training: name, stage, environment, steps, created_at, seed, settings,
    versions; the sizes of the networks are added here. `quality` is what `measure_quality` answered.
    """
    sizes = {model.kind: model.sizes()}
    if actor_critic is not None:
        sizes["actor_critic"] = asdict(actor_critic.config)
    described = {**config, "format": FORMAT, "networks": sizes}
    measured = {} if quality is None else {"quality": quality}
    tensors = named_tensors("model", model) | (named_tensors("actor_critic", actor_critic) if actor_critic else {})
    write_folder(
        folder,
        {
            "model.safetensors": lambda path: save_file(tensors, path),
            CONFIG: json.dumps(described, indent=1, allow_nan=False).encode(),
            "statistics.json": json.dumps(statistics.to_json() | measured, allow_nan=False).encode(),
            "clip.npz": clip.write,
        },
    )


def read_info(folder: Path | str, id: str, source: str, findings_folder: Path | None = None) -> CheckpointInfo:
    """Describes a checkpoint folder without loading its weights; raises CorruptCheckpoint.

    Its settings are read again only after their file has changed: lists have thousands of entries.
    """
    try:
        return _described(str(folder), id, source, findings_folder, stamp_of(f"{folder}/{CONFIG}"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise CorruptCheckpoint(f"{Path(folder).name}/{CONFIG} cannot be read: {error!r}") from error


@lru_cache(maxsize=MOST_CONFIGS)
def first_info(folder: Path | str, id: str, source: str) -> CheckpointInfo:
    """The first answer of `read_info`, without another look at the disk; raises CorruptCheckpoint."""
    return read_info(folder, id, source)


@lru_cache(maxsize=MOST_CONFIGS)
def _described(folder: str, id: str, source: str, findings_folder: Path | None, _: Stamp) -> CheckpointInfo:
    config: dict[str, Any] = from_json(Path(folder, CONFIG).read_bytes())
    latents, capabilities = _known_sizes(config["networks"])
    environment = config.get("environment")
    return CheckpointInfo(
        id=id,
        name=str(config["name"]),
        stage=str(config["stage"]),
        source=source,
        folder=Path(folder),
        created_at=str(config["created_at"]),
        run=id.partition(".update-")[0].removesuffix("-pretrain") if source == "run" else None,
        environment=None if environment is None else str(environment),
        steps=int(config["steps"]),
        latents=latents,
        capabilities=capabilities,
        config=config,
        findings_folder=findings_folder,
    )


def _known_sizes(networks: Mapping[str, Any]) -> tuple[int, Capabilities]:
    """Z and what the model can do. Raises KeyError, TypeError, ValueError."""
    if Adapted.kind in networks:
        spec = Spec(**networks[Adapted.kind]["spec"])
        return spec.latents, capabilities_of_spec(spec)
    sizes = networks.get("world_model") or networks["video_model"]
    return int(sizes["latents"]), capabilities_of(sizes.get("vision", "vae"))


def load_checkpoint(info: CheckpointInfo) -> Checkpoint:
    """Verifies and loads a checkpoint; raises CorruptCheckpoint or IncompatibleCheckpoint."""
    try:
        verify_folder(info.folder)
    except CorruptFile as error:
        raise CorruptCheckpoint(str(error)) from error
    return read_checkpoint(info)


def read_checkpoint(info: CheckpointInfo) -> Checkpoint:
    """Loads a checkpoint whose files were just verified; raises CorruptCheckpoint or IncompatibleCheckpoint."""
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
        raise CorruptCheckpoint(f"clip.npz has {known} actions per step, the world model takes {actions}")
    return Checkpoint(info, model, actor_critic, clip, statistics)


def read_labels(info: CheckpointInfo) -> dict[int, Label]:
    """Human names of a checkpoint's dimensions; the user's own precede the shipped ones."""
    labels = _labels(info.folder) | _labels(info.findings)
    return {dim: label for dim, label in sorted(labels.items()) if label.name}


def write_label(info: CheckpointInfo, dim: int, label: Label) -> None:
    """Stores a human name; an empty one removes it, or hides the shipped one."""
    labels = _labels(info.findings) | {dim: label}
    shipped = _labels(info.folder) if info.findings != info.folder else {}
    stored = {dim: asdict(label) for dim, label in sorted(labels.items()) if label.name or dim in shipped}
    info.write_finding(LABELS, stored)


def read_quality(info: CheckpointInfo) -> dict[str, Any] | None:
    """The measured quality of a model's pictures, from when the checkpoint was written or later; None without."""
    path = info.found(QUALITY)
    if path.exists():
        later: dict[str, Any] = from_json(path.read_bytes())
        return later
    return _read_statistics(info.folder).get("quality")


def read_quality_in_brief(info: CheckpointInfo) -> QualityInBrief | None:
    """The same, without what lists do not show. Raises OSError, ValueError."""
    path = info.found(QUALITY)
    if path.exists():
        return QualityInBrief.model_validate_json(path.read_bytes())
    return _StatisticsInBrief.model_validate_json((info.folder / "statistics.json").read_bytes()).quality


def read_forgetting(info: CheckpointInfo) -> dict[str, Any] | None:
    """forgetting.json, as `backend.pipeline.chapters.forgetting_table` gives it; None without."""
    path = info.found(FORGETTING)
    return json.loads(path.read_bytes()) if path.exists() else None


def _read_statistics(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = from_json((folder / "statistics.json").read_bytes())
    return values


def _labels(folder: Path) -> dict[int, Label]:
    path = folder / LABELS
    stored = json.loads(path.read_bytes()) if path.exists() else {}
    return {int(dim): Label(**label) for dim, label in stored.items()}
