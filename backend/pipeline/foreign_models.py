"""Imports another project's model as a checkpoint: its weights, and a clip to look at it with."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from backend.data.adapters.reading import find_files, read_config, read_tensors
from backend.data.adapters.registry import detect_layout, find_layout
from backend.data.catalogue import find_dataset
from backend.data.checkpoint import CheckpointInfo
from backend.data.clip import Clip
from backend.data.episodes import read_episodes
from backend.data.networks import IncompatibleCheckpoint, restore_weights
from backend.interpret.fitting import fit_frames
from backend.interpret.history import statistics_along
from backend.interpret.latents import encode_frames, statistics_of
from backend.pipeline.publish import clip_of, publish_import
from models.adapters.adapted import Adapted, adapted
from models.adapters.adapter import LayoutError
from models.traversal import LatentStatistics
from models.types import State, to_uint8

OWN_EPISODES, OWN_FRAMES = 8, 50  # the default length of a rollout
SEED = 0


class Source(NamedTuple):
    """What to import: a file or folder, its layout if it should not be detected, and its settings."""

    path: Path
    layout: str | None = None
    config: Path | None = None


def import_model(source: Source, name: str, home: Path, dataset: str | None = None) -> CheckpointInfo:
    """Imports a model into `home/checkpoints`, completely or not at all.

    The clip to look at it with comes from `dataset`, or else the model draws it itself. Raises LayoutError, NotFound.
    """
    if not name.strip() or len(name) > 200:
        raise LayoutError("the name must have 1 to 200 letters")
    model = read_model(source)
    clip = _own_clip(model) if dataset is None else _clip_of_dataset(model, home, dataset)
    about = {"name": name, "origin": f"a model of the layout {model.config.layout}", "dataset": dataset}
    return publish_import(home, "model", about, model, clip, _statistics(model, clip))


def read_model(source: Source) -> Adapted:
    """The model of a foreign file, in evaluation mode. Raises LayoutError with one sentence."""
    file, settings = find_files(source.path, source.config)
    config = read_config(settings)
    tensors = read_tensors(file)
    layout = find_layout(source.layout) if source.layout else detect_layout(frozenset(tensors))
    if not layout.recognises(frozenset(tensors)):
        raise LayoutError(f"{file.name} is not of the layout {layout.name}: {layout.about}")
    try:
        options, weights = layout.convert(tensors, config)
        with torch.random.fork_rng(devices=[]):
            model = adapted(layout.build(options), layout.name, options)
        _restore(model, weights)
    except (RuntimeError, KeyError, TypeError, IndexError, OverflowError) as error:
        raise LayoutError(f"{file.name} is not of the layout {layout.name}: {error!s:.200}") from error
    return model


def _restore(model: Adapted, weights: dict[str, Tensor]) -> None:
    """Raises LayoutError naming the first tensors that are missing, unknown, misshaped or not finite."""
    try:
        restore_weights({"adapter": model.adapter}, {f"adapter.{key}": value for key, value in weights.items()})
    except IncompatibleCheckpoint as error:
        shown = "; ".join(problem.replace("adapter.", "") for problem in error.problems[:3])
        more = len(error.problems) - 3
        raise LayoutError(f"the weights do not fit: {shown}{f' and {more} more' if more > 0 else ''}") from None


def _statistics(model: Adapted, clip: Clip) -> LatentStatistics:
    with np.errstate(all="ignore"):  # the result is checked below
        along = model.config.spec.recurrent or model.classes
        found = statistics_along(model, clip) if along else statistics_of(encode_frames(model, clip))
    if not all(np.isfinite(values).all() for values in vars(found).values()):
        raise LayoutError("the model's latents are not finite numbers")
    return found


def _clip_of_dataset(model: Adapted, home: Path, dataset: str) -> Clip:
    """Frames of a data set in the model's size, with their actions if the model can take them."""
    clip = clip_of(list(read_episodes(find_dataset(home, dataset, allow_path=True).folder)))
    image = fit_frames(clip.image, model.image_size)
    size = model.config.action_size
    action = clip.action if clip.action.shape[-1] == size else np.zeros((*image.shape[:2], size), np.float32)
    return Clip(image, action, clip.reward, clip.factors, clip.factor_names)


@torch.no_grad()
def _own_clip(model: Adapted) -> Clip:
    """Frames that the model decodes from latents drawn from its prior, with random actions; the same every time."""
    generator = torch.Generator().manual_seed(SEED)
    spec, count, length = model.config.spec, OWN_EPISODES, OWN_FRAMES
    noise = torch.randn((count, length, spec.stoch), generator=generator)
    action = torch.rand((count, length, spec.action_size), generator=generator) * 2 - 1
    if not spec.decodes:
        image = np.zeros((count, length, *model.image_size, 3), np.uint8)
    elif spec.recurrent:
        image = _drawn(model, model.imagine(model.rssm.initial(count), length, action, noise))
    else:
        belief = model.adapter.prior(noise.new_zeros(count, length, 0))
        image = _drawn(model, State(noise.new_zeros(count, length, 0), belief.sample(noise)))
    return Clip(
        image, action.numpy(), np.zeros((count, length), np.float32), np.zeros((count, length, 0), np.float32), ()
    )


def _drawn(model: Adapted, states: State) -> Any:
    return torch.stack([to_uint8(model.decode(feature)) for feature in states.feature]).numpy()
