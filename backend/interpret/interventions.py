"""Names checked by intervention: change a dimension, and ask a probe that sees only pixels what has changed.

NMI says which factor a dimension goes with; this says what an edit of it draws. A name is trusted if both agree.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from backend.data.checkpoint import Checkpoint
from backend.interpret.encoded import Flags, Floats, Integers
from backend.interpret.leakage import anchors_of
from backend.interpret.metrics import standardise, varying
from models.traversal import decode_latents
from models.types import normalise

POOL = 4  # side of the squares of pixels that the probe averages
FRAMES = 12
FOLDS = 4
MIN_SCORE = 0.3  # R2 on unseen episodes below which the probe cannot see a factor
MIN_MOVE = 0.1  # standard deviations of a factor per standard deviation of the dimension

Draw = Callable[[Floats, int], Floats]


@dataclass(frozen=True)
class PixelProbe:
    """Reads factors from pictures (..., 3, 64, 64), in their standard deviations; `score` (F,) on unseen episodes."""

    read: Callable[[Floats], Floats]
    score: Floats

    @property
    def sees(self) -> Flags:
        """The factors that it can read: (F,)."""
        return np.asarray(self.score >= MIN_SCORE)


def fit_probe(image: Floats, factors: Floats, episode: Integers) -> PixelProbe:
    """Ridge regression from coarse pixels: (N, 3, 64, 64), (N, F), (N,).

    Scored on every episode by a probe that has not seen it, against the spread over all of them.
    """
    pixels, targets = _pool(image), standardise(factors)
    fold, foreseen = _folds(episode), np.zeros_like(targets)
    for number in range(FOLDS):
        unseen = fold == number
        foreseen[unseen] = _line(pixels[~unseen], targets[~unseen])(pixels[unseen])
    score = 1 - ((foreseen - targets) ** 2).mean(axis=0)
    line = _line(pixels, targets)
    return PixelProbe(lambda seen: line(_pool(seen)), np.where(varying(factors), score, 0))


def _line(pixels: Floats, targets: Floats) -> Callable[[Floats], Floats]:
    from sklearn.linear_model import RidgeCV  # loads pandas too, so only when needed

    ridge: Any = RidgeCV(np.logspace(0, 4, 9))  # type: ignore[no-untyped-call]  # no stubs
    ridge.fit(pixels, targets)
    return lambda seen: np.asarray(ridge.predict(seen)).reshape(len(seen), -1)


def _folds(episode: Integers) -> Integers:
    """Whole episodes in turn; parts of time where there are fewer episodes than folds: (N,)."""
    numbers = np.unique(episode, return_inverse=True)[1]
    if numbers.max() + 1 < FOLDS:
        return np.asarray(np.arange(len(episode)) * FOLDS // len(episode))
    return np.asarray(numbers % FOLDS)


def moves_of(probe: PixelProbe, draw: Draw, latent: Floats, spread: Floats) -> Floats:
    """What the probe reads for one spread of each dimension, mean size over frames and both directions: (Z, F).

    latent: (N, Z) base frames. `draw(latents (Z, Z), n)` decodes edits of base frame n.
    """
    total = np.zeros((latent.shape[1], len(probe.score)))
    for frame, base in enumerate(latent):
        ahead, behind = (probe.read(draw(base + sign * np.diag(spread), frame)) for sign in (1, -1))
        total += np.abs(ahead - behind) / 2
    return np.asarray(total / len(latent))


def moves_in_pictures(checkpoint: Checkpoint) -> dict[str, Any]:
    """What edits of each dimension draw, on the checkpoint's own clip.

    {"factor_names": (F), "score": (F) R2 of the probe, "moves": (Z, F) factor deviations for one of the dimension}.
    """
    clip = checkpoint.clip
    factors = clip.factors.reshape(-1, clip.factors.shape[-1]).astype(np.float64)
    episodes, length = clip.image.shape[:2]
    if not clip.factor_names:
        return {"factor_names": [], "score": [], "moves": [[] for _ in range(checkpoint.model.config.latents)]}
    probe = fit_probe(_reconstructions(checkpoint), factors, np.repeat(np.arange(episodes), length))
    anchors = anchors_of(checkpoint, FRAMES)
    moves = moves_of(
        probe,
        lambda latents, frame: decode_latents(
            checkpoint.model, anchors[frame], torch.from_numpy(latents).float()
        ).numpy(),
        np.stack([anchor.latent.numpy() for anchor in anchors]),
        checkpoint.statistics.std,
    )
    return {
        "factor_names": list(clip.factor_names),
        "score": np.round(probe.score, 4).tolist(),
        "moves": np.round(moves, 4).tolist(),
    }


@torch.no_grad()
def _reconstructions(checkpoint: Checkpoint) -> Floats:
    """The clip as the model draws it, so that the probe learns its style: (E * T, 3, 64, 64)."""
    model, clip = checkpoint.model, checkpoint.clip
    latent = model.encode(normalise(torch.from_numpy(clip.image))).mean
    feature = model.observe(latent, torch.from_numpy(clip.action)).states.feature
    first = normalise(torch.from_numpy(clip.image[:, 0]))
    return np.concatenate(
        [model.in_context(frame).decode(part).numpy() for frame, part in zip(first, feature, strict=True)]
    )


def _pool(image: Floats) -> Floats:
    """Means over squares of pixels, flat: (N, 3, 64, 64) -> (N, 768)."""
    frames, channels, height, width = image.shape
    squares = image.reshape(frames, channels, height // POOL, POOL, width // POOL, POOL)
    return np.asarray(squares.mean(axis=(3, 5)).reshape(frames, -1))
