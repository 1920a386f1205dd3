"""Whether a picture looks like a model's training data: its reconstruction compared with those of the model's clip."""

from typing import Any

import numpy as np
import torch

from backend.data.checkpoint import Checkpoint
from backend.interpret.similarity import Picture, psnr
from backend.interpret.view import provenance_of
from models.types import normalise, to_uint8

MOST_FRAMES = 240
MARGIN_DB = 1.0  # below the worst frame of the clip
QUANTILES = (0, 5, 50, 95, 100)
MOST_KNOWN = 64
_KNOWN: dict[str, tuple[float, ...]] = {}  # by the hash of a checkpoint's weights: measured once


def likeness(checkpoint: Checkpoint, picture: Picture, reconstruction: Picture) -> dict[str, Any]:
    """How well a picture is reconstructed, compared with the frames of the checkpoint's clip.

    {"psnr": dB, "usual": dB at 0, 5, 50, 95 and 100% of the clip's frames, "unlike": whether the picture is drawn
    worse than the worst of them by 1 dB or more}.
    """
    usual = usual_reconstruction(checkpoint)
    found = psnr(picture, reconstruction)
    return {"psnr": round(found, 2), "usual": list(usual), "unlike": bool(found < usual[0] - MARGIN_DB)}


def usual_reconstruction(checkpoint: Checkpoint) -> tuple[float, ...]:
    """PSNR in dB of the reconstructed frames of the clip, at 0, 5, 50, 95 and 100%."""
    weights = provenance_of(checkpoint)["weights"]
    if weights not in _KNOWN:
        while len(_KNOWN) >= MOST_KNOWN:
            _KNOWN.pop(next(iter(_KNOWN)))
        _KNOWN[weights] = _measured(checkpoint)
    return _KNOWN[weights]


@torch.inference_mode()
def _measured(checkpoint: Checkpoint) -> tuple[float, ...]:
    """Of at most 240 evenly spaced frames, each with its history."""
    model, clip = checkpoint.model, checkpoint.clip
    latent = model.encode(normalise(torch.from_numpy(clip.image))).mean
    known = clip.action.shape[-1] == model.config.action_size
    action = torch.from_numpy(clip.action) if known else torch.zeros(*latent.shape[:2], model.config.action_size)
    states = model.observe(latent, action).states
    frames = clip.image.reshape(-1, *clip.image.shape[2:])
    chosen = np.unique(np.linspace(0, len(frames) - 1, MOST_FRAMES).astype(int))
    episode = chosen // clip.image.shape[1]
    feature = states.feature.flatten(0, 1)
    parts = [
        model.in_context(normalise(torch.from_numpy(clip.image[each, 0]))).decode(feature[chosen[episode == each]])
        for each in np.unique(episode)
    ]
    drawn = torch.cat([to_uint8(part) for part in parts]).numpy()
    values = [psnr(frame, picture) for frame, picture in zip(frames[chosen], drawn, strict=True)]
    return tuple(round(float(value), 2) for value in np.percentile(values, QUANTILES))
