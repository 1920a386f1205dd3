"""Checks that data set, videos, teacher, environment and device of the settings exist and fit. Imports no training."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from backend.data.catalogue import NotFound, find_checkpoint, find_dataset
from backend.data.checkpoint import CheckpointInfo
from backend.data.episodes import DatasetInfo, Episode, EpisodeError
from backend.data.networks import CheckpointError
from backend.envs.make import check_installed
from backend.envs.protocol import ENVIRONMENTS, MissingExtra
from backend.pipeline.held_out import check_trainable
from backend.pipeline.methods.catalogue import CATALOGUE
from backend.pipeline.methods.needs import NOT_ACTION_FREE, check_source
from backend.pipeline.settings import (
    CollectSettings,
    FinetuneSettings,
    OfflineSettings,
    PipelineSettings,
    PretrainSettings,
    Problem,
    SettingsError,
    StageSettings,
)
from backend.pipeline.tasks import tasks_of
from models.config import KERNELS, WITH_LATENTS


def check_references(settings: StageSettings, home: Path, *, allow_path: bool = False) -> None:
    """Raises SettingsError unless the data set, the films, the teacher and the environment exist and fit."""
    if isinstance(settings, PretrainSettings):
        dataset = dataset_of(settings, home, allow_path=allow_path)
        check_trainable(dataset, settings.longest, settings.held_out)
    for place, pretrained in _pretrained(settings).items():
        start_of(pretrained, home, allow_path=allow_path, place=place)
    for place, part in _simulated(settings).items():
        try:
            check_installed(part.environment)
        except MissingExtra as error:
            raise SettingsError([Problem(f"{place}/environment", str(error))]) from None
        films_of(part, home, allow_path=allow_path, place=place)
    if isinstance(settings, FinetuneSettings):
        config = None
        if settings.teacher is not None:
            config = teacher_of(settings.teacher, home, allow_path=allow_path).config
        teachers = teachers_of(settings, home, allow_path=allow_path)
        check_source(settings, config, [teacher.config for teacher in teachers])
        for task in tasks_of(settings, config)[:-1]:
            _check_task(task, home, allow_path=allow_path)
    if isinstance(settings, OfflineSettings):
        _check_recordings(settings, recordings_of(settings, home, allow_path=allow_path))
    if isinstance(settings, PipelineSettings):
        _check_stages(settings)


def _check_task(task: CollectSettings, home: Path, *, allow_path: bool) -> None:
    """Raises SettingsError unless an earlier task of a life-long agent can be played here, to measure what is left."""
    try:
        check_installed(task.environment)
        films_of(task, home, allow_path=allow_path)
    except (MissingExtra, SettingsError) as error:
        message = f"an earlier task of this checkpoint, {task.environment}, cannot be played here: {error}"
        raise SettingsError([Problem("/teacher", message)]) from None


def choose_device(device: str) -> str:
    """`auto` is the GPU if there is one; raises SettingsError for a device that this machine does not have."""
    there = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    if device == "auto":
        return there[-1] if len(there) == 2 else there[min(1, len(there) - 1)]
    if device == "cuda" and len(there) > 1:
        return "cuda:0"
    if device not in there:
        raise SettingsError([Problem("/device", f"there is no device {device!r} here; there is {', '.join(there)}")])
    return device


def dataset_of(settings: PretrainSettings, home: Path, *, allow_path: bool = False) -> DatasetInfo:
    """The data set to pretrain on; raises SettingsError."""
    if settings.dataset is None:
        raise SettingsError([Problem("/dataset", "pretraining needs a data set: its id or name")])
    try:
        return find_dataset(home, settings.dataset, allow_path=allow_path)
    except NotFound as error:
        raise SettingsError([Problem("/dataset", str(error))]) from None


class Recorded(NamedTuple):
    """The data sets that offline learning starts from."""

    demonstrations: DatasetInfo
    further: DatasetInfo | None

    @property
    def environment(self) -> str | None:
        """The environment to play in, None where the demonstrations come from elsewhere."""
        environment = self.demonstrations.environment
        return environment if environment in ENVIRONMENTS else None


def recordings_of(settings: OfflineSettings, home: Path, *, allow_path: bool = False) -> Recorded:
    """The data sets that the settings name; raises SettingsError."""
    if settings.demonstrations is None:
        message = f"{settings.method} learns from recorded episodes: name a data set of them (its id or name)"
        raise SettingsError([Problem("/demonstrations", message)])
    found = []
    for place, reference in (("demonstrations", settings.demonstrations), ("dataset", settings.dataset)):
        try:
            found.append(None if reference is None else find_dataset(home, reference, allow_path=allow_path))
        except (NotFound, EpisodeError) as error:
            raise SettingsError([Problem(f"/{place}", str(error))]) from None
    demonstrations, further = found
    assert demonstrations is not None
    return Recorded(demonstrations, further)


def _check_recordings(settings: OfflineSettings, recorded: Recorded) -> None:
    """Raises SettingsError unless both data sets have actions of one size and episodes that are long enough."""
    demonstrations, further = recorded
    for place, dataset in (("/demonstrations", demonstrations), ("/dataset", further)):
        if dataset is not None and not dataset.action_size:
            message = f"{dataset.name} has no actions: a policy is learned from episodes that have them"
            raise SettingsError([Problem(place, message)])
    if len(demonstrations.lengths) < 2:
        message = (
            f"{demonstrations.name} has {len(demonstrations.lengths)} episode; at least 2 are needed, one held out"
        )
        raise SettingsError([Problem("/demonstrations", message)])
    check_trainable(demonstrations, settings.longest, settings.held_out)
    if further is not None and further.action_size != demonstrations.action_size:
        message = (
            f"{further.name} has actions of size {further.action_size}, the demonstrations {demonstrations.action_size}"
        )
        raise SettingsError([Problem("/dataset", message)])
    if recorded.environment is not None and settings.evaluate_episodes:
        try:
            check_installed(recorded.environment)
        except MissingExtra as error:
            raise SettingsError([Problem("/evaluate_episodes", str(error))]) from None


def check_rewarded(settings: OfflineSettings, recorded: Recorded, episodes: Sequence[Episode]) -> None:
    """Raises SettingsError if the method learns from rewards and those of the episodes are all one number.

    It needs the episodes, so it is called when they have been read and before anything learns.
    """
    if not CATALOGUE[settings.method].learns_rewards:
        return
    least = min(float(episode.reward.min()) for episode in episodes)
    most = max(float(episode.reward.max()) for episode in episodes)
    if least == most:
        message = (
            f"{recorded.demonstrations.name} has no rewards to learn from: all {len(episodes)} episodes have the "
            f"reward {least:g} at every step; methods that imitate (ditto, cloning, cmil) need none"
        )
        raise SettingsError([Problem("/demonstrations", message)])


def teacher_of(reference: str, home: Path, *, allow_path: bool = False) -> CheckpointInfo:
    """The checkpoint of the video model to start from; raises SettingsError."""
    try:
        return find_checkpoint(home, reference, allow_path=allow_path)
    except (NotFound, CheckpointError) as error:
        raise SettingsError([Problem("/teacher", str(error))]) from None


def teachers_of(settings: FinetuneSettings, home: Path, *, allow_path: bool = False) -> list[CheckpointInfo]:
    """The checkpoints of a method's several teachers, in order; raises SettingsError."""
    found: list[CheckpointInfo] = []
    for reference in settings.section.checkpoints:
        try:
            teacher = find_checkpoint(home, reference, allow_path=allow_path)
        except (NotFound, CheckpointError) as error:
            raise SettingsError([Problem("/teachers", str(error))]) from None
        if any(teacher.folder == other.folder for other in found):
            raise SettingsError([Problem("/teachers", f"{teacher.name} is named twice")])
        found.append(teacher)
    return found


def start_of(
    settings: PretrainSettings, home: Path, *, allow_path: bool = False, place: str = ""
) -> CheckpointInfo | None:
    """The checkpoint whose weights pretraining continues from, None if the settings name none; raises SettingsError."""
    if settings.start is None:
        return None
    try:
        start = find_checkpoint(home, settings.start, allow_path=allow_path)
    except (NotFound, CheckpointError) as error:
        raise SettingsError([Problem(f"{place}/start", str(error))]) from None
    networks = start.config["networks"].get("video_model")
    if networks is None:
        raise SettingsError([Problem(f"{place}/start", NOT_ACTION_FREE)])
    given = networks | {"first_channels": networks.get("kernels", KERNELS)[0]}
    fields = (
        "vision",
        "stoch",
        "deter",
        "hidden",
        *(("latents", "first_channels") if settings.vision in WITH_LATENTS else ()),
    )
    for field in fields:
        wanted = getattr(settings, field)
        if given.get(field, wanted) != wanted:
            message = f"the checkpoint to start from has {field} {given[field]}, the settings say {wanted}"
            raise SettingsError([Problem(f"{place}/{field}", message)])
    return start


def films_of(
    settings: CollectSettings | FinetuneSettings, home: Path, *, allow_path: bool = False, place: str = ""
) -> DatasetInfo | None:
    """The data set whose videos play behind the scene, None if there is none; raises SettingsError.

    The data set is looked up and its episodes are counted, but none of them is read.
    """
    if settings.films is None:
        return None
    try:
        dataset = find_dataset(home, settings.films, allow_path=allow_path)
    except (NotFound, EpisodeError) as error:
        raise SettingsError([Problem(f"{place}/films", str(error))]) from None
    if not dataset.episodes:
        raise SettingsError([Problem(f"{place}/films", f"{dataset.name} has no episodes")])
    return dataset


def _check_stages(settings: PipelineSettings) -> None:
    """Raises SettingsError if fine-tuning cannot use the video model that pretraining will make."""
    video_model = {"latents": settings.pretrain.latents, "vision": settings.pretrain.vision}
    try:
        check_source(settings.finetune, {"networks": {"video_model": video_model}})
    except SettingsError as error:
        places = {"/teacher": "/pretrain/vision"}
        raise SettingsError(
            [
                problem._replace(pointer=places.get(problem.pointer, f"/finetune{problem.pointer}"))
                for problem in error.problems
            ]
        ) from None


def _pretrained(settings: StageSettings) -> dict[str, PretrainSettings]:
    """The parts of the settings that configure pretraining, by JSON pointer."""
    if isinstance(settings, PipelineSettings):
        return {"/pretrain": settings.pretrain}
    return {"": settings} if isinstance(settings, PretrainSettings) else {}


def _simulated(settings: StageSettings) -> dict[str, CollectSettings | FinetuneSettings]:
    """The parts of the settings that name an environment, by JSON pointer."""
    if isinstance(settings, PipelineSettings):
        return {"/collect": settings.collect, "/finetune": settings.finetune}
    return {"": settings} if isinstance(settings, CollectSettings | FinetuneSettings) else {}
