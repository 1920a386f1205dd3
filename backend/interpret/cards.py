"""What the card of a dimension shows: the frames where it is lowest and highest, and the answer for a checkpoint."""

import json
from typing import Any

import numpy as np

from backend.data.checkpoint import FACTORS, Checkpoint
from backend.data.episodes import DatasetInfo, read_episodes
from backend.interpret.encoded import EncodedFrames
from backend.interpret.factors import Progress, analyse
from backend.interpret.guesses import with_guesses
from backend.interpret.latents import encode_frames

EXTREME_FRAMES = 5


def factors_of(
    checkpoint: Checkpoint,
    frames: EncodedFrames | None = None,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """The factors saved with the checkpoint; computed and saved first if there are none, or if frames are given.

    Without `frames` the checkpoint's own clip is analysed.
    """
    if frames is None and (known := checkpoint.factors) is not None:
        return known
    report: dict[str, Any] = analyse(frames or encode_clip(checkpoint), seed=seed, progress=progress)
    report = json.loads(json.dumps(report))
    checkpoint.info.store_finding(FACTORS, report)
    return report


def encode_clip(checkpoint: Checkpoint) -> EncodedFrames:
    """Latents of the checkpoint's clip; if it has no factors, image statistics replace them."""
    if checkpoint.clip.factor_names:
        return encode_frames(checkpoint.model, checkpoint.clip)
    return encode_frames(checkpoint.model, with_guesses(checkpoint.clip.image), guessed=True)


def encode_dataset(checkpoint: Checkpoint, dataset: DatasetInfo) -> EncodedFrames:
    """Latents of every frame of a data set, with guesses if it has no factors."""
    episodes = read_episodes(dataset.folder)
    if dataset.factor_names:
        return encode_frames(checkpoint.model, episodes, guessed=dataset.guessed_factors)
    return encode_frames(checkpoint.model, with_guesses(episode.image for episode in episodes), guessed=True)


def extreme_frames(encoded: EncodedFrames, dim: int) -> dict[str, list[dict[str, int]]]:
    """Where a dimension is lowest and highest, {"low": [{"episode", "frame"}], "high": ...}, one per episode."""
    order = np.argsort(encoded.mean[:, dim], kind="stable")
    return {"low": _first(encoded, order), "high": _first(encoded, order[::-1])}


def _first(encoded: EncodedFrames, rows: np.ndarray[Any, np.dtype[np.int64]]) -> list[dict[str, int]]:
    within = encoded.frame_in_episode()
    places: dict[int, int] = {}
    for row in rows:
        places.setdefault(int(encoded.episode[row]), int(within[row]))
        if len(places) == EXTREME_FRAMES:
            break
    return [{"episode": episode, "frame": frame} for episode, frame in places.items()]
