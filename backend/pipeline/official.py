"""Imports published weights as a checkpoint, with statistics and a clip from frames that are available."""

from pathlib import Path

from backend.data.catalogue import NotFound, find_dataset, list_checkpoints
from backend.data.checkpoint import CheckpointInfo, load_checkpoint
from backend.data.clip import Clip
from backend.data.episodes import read_episodes
from backend.data.official import FILES, import_official
from backend.interpret.latents import encode_frames, statistics_of
from backend.pipeline.publish import clip_of, publish_import
from models.adapters.adapted import Adapted

NAME = "official"
ABOUT = "encoder.pt, decoder.pt and rssm.pt as the authors of DisWM publish them"


def is_official(folder: Path) -> bool:
    """Whether a folder contains the three published files."""
    return all((folder / f"{name}.pt").is_file() for name in FILES)


def import_as_checkpoint(folder: Path, name: str, home: Path, dataset: str | None) -> CheckpointInfo:
    """Imports `encoder.pt`, `decoder.pt` and `rssm.pt` into `home/checkpoints`.

    The clip to look at comes from `dataset`, or else from the newest checkpoint. Raises
    OfficialError, NotFound.
    """
    model = import_official(folder)
    clip = _clip(home, dataset)
    about = {"name": name, "origin": "encoder.pt, decoder.pt and rssm.pt of the published layout"}
    return publish_import(home, "official", about, model, clip, statistics_of(encode_frames(model, clip)))


def _clip(home: Path, dataset: str | None) -> Clip:
    if dataset is not None:
        return clip_of(list(read_episodes(find_dataset(home, dataset, allow_path=True).folder)))
    for info in (one for one in list_checkpoints(home) if Adapted.kind not in one.config["networks"]):
        return load_checkpoint(info).clip
    raise NotFound("there are no frames to look at the model with; name a data set with --dataset")
