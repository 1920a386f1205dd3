"""The quality of a checkpoint: read if it was measured before, otherwise measured and saved when first requested."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from backend.data.checkpoint import QUALITY, Checkpoint
from backend.data.clip import Clip
from backend.data.episodes import DatasetInfo, read_episodes
from backend.interpret.agents import Recording
from backend.interpret.quality import MOST_EPISODES, measure_quality
from backend.interpret.request import ViewError


class Recorded(NamedTuple):
    """An episode of a clip."""

    image: npt.NDArray[np.uint8]  # (T, 64, 64, 3)
    action: npt.NDArray[np.float32]  # (T, A)
    agent: npt.NDArray[np.bool_] | None = None  # (T, 64, 64)
    agent_part: npt.NDArray[np.uint8] | None = None  # (T, 64, 64)


def quality_of(checkpoint: Checkpoint, dataset: DatasetInfo | None = None, *, refresh: bool = False) -> dict[str, Any]:
    """The result of `measure_quality` for a checkpoint; for its own clip it is measured only once, unless `refresh`.

    With a data set it is measured on its last episodes, which pretraining holds out, and not saved. Raises ViewError
    if the model takes other actions than the data set has.
    """
    if dataset is not None:
        last = list(deque(read_episodes(dataset.folder), MOST_EPISODES))
        return _measured(checkpoint, last, dataset.environment, dataset.id)
    if not refresh and (known := checkpoint.quality) is not None:
        return known
    quality = _measured(checkpoint, recordings(checkpoint.clip), checkpoint.info.environment, "clip")
    checkpoint.info.store_finding(QUALITY, quality)
    return quality


def recordings(clip: Clip) -> list[Recorded]:
    """The episodes of a clip."""
    nothing = [None] * len(clip.image)
    masks = (nothing if array is None else array for array in (clip.agent, clip.agent_part))
    return [Recorded(*arrays) for arrays in zip(clip.image, clip.action, *masks, strict=True)]


def returns_of(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """The policy's return from config.json: the mean of its last evaluation; None if there was none."""
    evaluations = config.get("evaluations") or []
    if not evaluations:
        return None
    episodes = config.get("settings", {}).get("evaluate_episodes")
    return {"mean": evaluations[-1][1], "std": None, "episodes": episodes, "random": None}


def _measured(
    checkpoint: Checkpoint, episodes: Sequence[Recording], environment: str | None, source: str
) -> dict[str, Any]:
    model = checkpoint.model
    if not model.capabilities.imagines or not model.capabilities.decodes:
        message = f"{checkpoint.info.name} does not imagine pictures, with which what a model sees is measured"
        raise ViewError("checkpoint", message)
    if episodes and episodes[0].image.shape[1:3] != model.image_size:
        raise ViewError("dataset", f"its pictures are not of the size {model.image_size} that the model takes")
    known = checkpoint.quality or {}
    returns = known.get("policy_return")
    if returns is None and checkpoint.actor_critic is not None:
        returns = returns_of(checkpoint.info.config)
    try:
        return measure_quality(checkpoint.model, episodes, environment, source=source, policy_return=returns)
    except ValueError as error:
        raise ViewError("dataset", str(error)) from error
