"""Predictions of a model and three guesses for recorded episodes: pictures of observed and of later frames."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from backend.interpret.latents import encode_images
from models.browsable import Browsable
from models.types import State, normalise, to_uint8

CONTEXT = 5  # observed frames before imagination
FRAMES = 50  # most frames of an episode that are used
DECODED_AT_ONCE = 128

Pictures = npt.NDArray[np.uint8]
Actions = npt.NDArray[np.float32]
Predictions = dict[str, list[Pictures]]  # by predictor: one (N, 64, 64, 3) per episode


def predictions(
    model: Browsable, images: Sequence[Pictures], actions: Sequence[Actions]
) -> tuple[Predictions, Predictions]:
    """Imagined after CONTEXT frames, by `model`, `repeat_last`, `mean_image`, `observed_mean`; and observed, by
    `model` and `mean_image`.

    Episodes are images (T, 64, 64, 3) and actions (T, A). Means are propagated; a world model is given the recorded
    actions. The mean image is that of the other episodes; of a single episode there is none, and no guess: it is left
    out as an empty prediction. Raises ValueError where a world model takes other actions.
    """
    observed, imagined = _of_model(model, images, actions)
    means = _means_of_others(images)
    lengths = [len(image) for image in images]
    ahead = [max(length - CONTEXT, 0) for length in lengths]
    last = [image[:CONTEXT][-1] for image in images]
    seen = [_mean(image[:CONTEXT]) for image in images]
    return (
        {
            "model": imagined,
            "repeat_last": _repeated(last, ahead),
            "mean_image": _repeated(means, ahead),
            "observed_mean": _repeated(seen, ahead),
        },
        {"model": observed, "mean_image": _repeated(means, lengths)},
    )


def _of_model(
    model: Browsable, images: Sequence[Pictures], actions: Sequence[Actions]
) -> tuple[list[Pictures], list[Pictures]]:
    """Episodes of the same length are processed as a batch."""
    observed: list[Pictures] = [image[:0] for image in images]
    imagined: list[Pictures] = [image[:0] for image in images]
    for length in {len(image) for image in images}:
        rows = [row for row, image in enumerate(images) if len(image) == length]
        action = _known_actions(model, [actions[row] for row in rows], length)
        states, later = _follow(model, np.stack([images[row] for row in rows]), action)
        context = [images[row][min(length, CONTEXT) - 1] for row in rows]
        for row, seen in zip(rows, _decode(model, states, context), strict=True):
            observed[row] = seen
        if later is not None:
            for row, ahead in zip(rows, _decode(model, later, context), strict=True):
                imagined[row] = ahead
    return observed, imagined


@torch.no_grad()
def _follow(model: Browsable, images: Pictures, action: Tensor) -> tuple[State, State | None]:
    """States (B, T, .) of fully observed episodes, and those (B, T - CONTEXT, .) imagined after the context."""
    batch, length = images.shape[:2]
    latent = encode_images(model, images.reshape(-1, *images.shape[2:]))[0].reshape(batch, length, -1)
    states = model.observe(torch.from_numpy(latent).to(action.device), action).states
    if length <= CONTEXT:
        return states, None
    return states, model.imagine(states.at(CONTEXT - 1), length - CONTEXT, action[:, CONTEXT:])


@torch.no_grad()
def _decode(model: Browsable, states: State, context: Sequence[Pictures]) -> list[Pictures]:
    """Pictures of episodes of states (B, T, .), each beside its frame of the context (H, W, 3)."""
    device, drawn = states.deter.device, []
    for feature, frame in zip(states.feature, context, strict=True):
        beside = model.in_context(normalise(torch.from_numpy(frame).to(device)))
        parts = torch.split(feature, DECODED_AT_ONCE)
        drawn.append(torch.cat([to_uint8(beside.decode(part)).cpu() for part in parts]).numpy())
    return drawn


def _known_actions(model: Browsable, actions: Sequence[Actions], length: int) -> Tensor:
    """Recorded actions (B, T, A) as the model takes them: none for a video model, and none for a film."""
    device, size = next(model.parameters()).device, model.config.action_size
    for action in actions:
        if size and action.shape[1] not in (0, size):
            raise ValueError(f"the episodes have {action.shape[1]} actions per step, the model takes {size}")
    blank = np.zeros((length, size), np.float32)
    chosen = [action if action.shape[1] == size else blank for action in actions]
    return torch.from_numpy(np.stack(chosen)).to(device)


def _means_of_others(images: Sequence[Pictures]) -> list[Pictures | None]:
    """For each episode, the mean image of all the others."""
    sums = [image.sum(axis=0, dtype=np.float64) for image in images]
    total, frames = np.sum(sums, axis=0), sum(map(len, images))
    if len(images) == 1:
        return [None]
    return [
        np.asarray(np.round((total - own) / (frames - len(image))), np.uint8)
        for own, image in zip(sums, images, strict=True)
    ]


def _mean(image: Pictures) -> Pictures:
    return np.asarray(np.round(image.mean(axis=0)), np.uint8)


def _repeated(pictures: Sequence[Pictures | None], times: Sequence[int]) -> list[Pictures]:
    blank = np.zeros((0, 64, 64, 3), np.uint8)
    return [
        blank if picture is None else np.broadcast_to(picture, (count, *picture.shape))
        for picture, count in zip(pictures, times, strict=True)
    ]
