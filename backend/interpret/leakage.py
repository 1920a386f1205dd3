"""Leakage: what the encoder sees in pictures that were decoded from an edit of one dimension.

If the dimensions of a model are independent in both directions, an edit of dimension j only moves dimension j.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from backend.data.checkpoint import Checkpoint
from backend.interpret.encoded import INACTIVE_KL, Floats
from models.traversal import Anchor, anchor_at, decode_latents
from models.types import normalise

FRAMES = 16
SIGMAS = 1.0

Decode = Callable[[Tensor, int], Tensor]
Encode = Callable[[Tensor], Tensor]


def leakage_matrix(encode: Encode, decode: Decode, latent: Tensor, spread: Tensor) -> Floats:
    """How far each latent moves, in units of its own spread, for an edit of one spread of each other: (Z, Z).

    `decode(latents (M, Z), n)` draws latents in the context of base frame n of `latent` (N, Z); `encode` maps
    pictures to latent means. Row: the edited dimension. Mean absolute move over base frames and both directions.
    """
    frames, latents = latent.shape
    total = np.zeros((latents, latents))
    edits = torch.diag(spread)
    for frame in range(frames):
        ahead = encode(decode(latent[frame] + edits, frame))
        behind = encode(decode(latent[frame] - edits, frame))
        total += ((ahead - behind).abs() / (2 * spread)).double().numpy()
    return total / frames


def diagonal_share(matrix: Floats, dims: list[int]) -> float:
    """Share of all movement that stays in the edited dimension, over the kept dimensions; 1 is no leakage."""
    chosen = matrix[np.ix_(dims, dims)]
    return float(np.trace(chosen) / chosen.sum()) if chosen.sum() > 0 else 0.0


def leakage_of(checkpoint: Checkpoint, frames: int = FRAMES) -> dict[str, Any]:
    """{"matrix": Z x Z, "diagonal_share": over active dimensions, "active": [...], "frames", "sigmas"}."""
    anchors = anchors_of(checkpoint, frames)
    model = checkpoint.model
    spread = torch.from_numpy(checkpoint.statistics.std * SIGMAS).float().clamp(min=1e-6)
    matrix = leakage_matrix(
        lambda image: model.encode(image.clamp(-0.5, 0.5)).mean,
        lambda latents, frame: decode_latents(model, anchors[frame], latents),
        torch.stack([anchor.latent for anchor in anchors]),
        spread,
    )
    active = [int(dim) for dim in np.flatnonzero(checkpoint.statistics.kl >= INACTIVE_KL)]
    return {
        "matrix": np.round(matrix, 4).tolist(),
        "diagonal_share": round(diagonal_share(matrix, active), 4),
        "active": active,
        "frames": len(anchors),
        "sigmas": SIGMAS,
    }


def anchors_of(checkpoint: Checkpoint, frames: int) -> list[Anchor]:
    """Base frames spread evenly over the clip, each with its history."""
    clip = checkpoint.clip
    episodes, length = clip.image.shape[:2]
    anchors = []
    for place in np.linspace(0, episodes * length - 1, min(frames, episodes * length)).astype(int):
        episode, frame = divmod(int(place), length)
        image = normalise(torch.from_numpy(clip.image[episode]))
        action = torch.from_numpy(clip.action[episode])
        anchors.append(anchor_at(checkpoint.model, image, frame, action))
    return anchors
