"""Contexts: the states of an episode drawn beside frames of other episodes: what comes from the frame, what from them.

The measure is the way: how far a swapped picture goes from the episode's own look, 0, to that of the context, 1.
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from backend.data.checkpoint import Checkpoint
from backend.data.clip import Clip
from backend.interpret.contexts_request import ContextsRequest
from backend.interpret.encoded import Floats
from backend.interpret.rollout import decode
from backend.interpret.timeline import Strip, Timeline, curve
from backend.interpret.view import Picture, provenance_of
from models.motion import moving_pixels
from models.types import State, normalise

STILL, MOVING = "what stays still", "what moves"
ALIKE = 8.0  # grey levels between two episodes that are too few to tell whose look a picture has
MOST_EPISODES = 12
LEAST_EPISODES = 6  # for reading factors from states: fewer cannot be split into two halves
RIDGE = 0.01  # of the number of frames

Mask = npt.NDArray[np.bool_]


class Way(NamedTuple):
    """How far swapped pictures go to the context's look; NaN where both episodes look alike."""

    still: Floats  # (S,) at the pixels where neither episode moves
    moving: Floats  # (S,) at the pixels of the own episode that move


def contexts_timeline(checkpoint: Checkpoint, request: ContextsRequest, name: str) -> Timeline:
    """The episode, its states beside its own first frame and beside those of others; raises ViewError."""
    request.check(checkpoint)
    clip, states = checkpoint.clip, states_of(checkpoint)
    others = others_of(request.episode, len(clip.image), request.count)
    image = clip.image[request.episode]
    strips = [
        Strip("episode", "recorded", image, "truth"),
        Strip("own context", "its first frame", drawn_beside(checkpoint, states, request.episode, request.episode)),
    ]
    ways, moved = [], _moving(clip)
    for other in others:
        picture = drawn_beside(checkpoint, states, request.episode, other)
        strips += [
            Strip(f"episode {other}", "first frame", np.broadcast_to(clip.image[other, 0], image.shape), "truth"),
            Strip(f"beside episode {other}", "same states", picture),
        ]
        ways.append(way_of(picture, clip.image, moved, request.episode, other))
    origin = {key: provenance_of(checkpoint)[key] for key in ("checkpoint", "weights")}
    found = over_clip(checkpoint, states, moved)
    readable = read_from_states(states.feature.numpy(), clip)
    return Timeline(
        kind="contexts",
        title=f"Contexts, {checkpoint.info.name}",
        name=name,
        context=len(image),
        strips=tuple(strips),
        curves={
            "Way to the other episode (0: own, 1: context)": {
                STILL: curve(_mean([way.still for way in ways])),
                MOVING: curve(_mean([way.moving for way in ways])),
            }
        },
        settings=json.dumps({"diswm": "contexts", **origin, "view": request.to_json()}, sort_keys=True),
        facts={"says": says(found), "still": _number(found.still), "moving": _number(found.moving), "read": readable},
    )


def others_of(episode: int, episodes: int, count: int) -> list[int]:
    """Other episodes, evenly spread over the clip."""
    rest = [other for other in range(episodes) if other != episode]
    chosen = np.linspace(0, len(rest) - 1, min(count, len(rest))).round().astype(int)
    return [rest[place] for place in chosen]


@torch.inference_mode()
def states_of(checkpoint: Checkpoint) -> State:
    """The states of all episodes of the clip, observed, (E, T, .)."""
    model, clip = checkpoint.model, checkpoint.clip
    latent = torch.stack([model.encode(normalise(torch.from_numpy(image))).mean for image in clip.image])
    return model.observe(latent, torch.from_numpy(clip.action)).states


def drawn_beside(checkpoint: Checkpoint, states: State, episode: int, other: int) -> Picture:
    """The states of one episode drawn beside the first frame of another: (S, 64, 64, 3)."""
    own = State(states.deter[episode], states.stoch[episode])
    return decode(checkpoint.in_context(checkpoint.clip.image[other, 0]), own)


def way_of(picture: Picture, image: Picture, moving: Mask, episode: int, other: int) -> Way:
    """The way of a picture (S, H, W, 3) of an episode beside another's first frame.

    `image` (E, S, H, W, 3) and `moving` (E, S, H, W) are those of the clip.
    """
    own, context = image[episode].astype(np.float64), image[other, 0].astype(np.float64)
    still = ~(moving[episode].any(0) | moving[other].any(0))
    everywhere = np.broadcast_to(still, moving[episode].shape)
    return Way(_way(picture, own, context, everywhere), _way(picture, own, context, moving[episode]))


def _way(picture: Picture, own: Floats, context: Floats, where: Mask) -> Floats:
    """The least-squares share of the step from `own` to `context` at some pixels, of each frame: (S,)."""
    step = (context - own) * where[..., None]
    size = np.square(step).sum((1, 2, 3))
    seen = np.maximum(where.sum((1, 2)) * picture.shape[-1], 1)
    share = ((picture - own) * step).sum((1, 2, 3)) / np.maximum(size, 1e-9)
    return np.where(np.sqrt(size / seen) < ALIKE, np.nan, share)


class Found(NamedTuple):
    """The mean way over pairs of episodes; NaN where all look alike."""

    still: float
    moving: float


def over_clip(checkpoint: Checkpoint, states: State, moving: Mask) -> Found:
    """Each of at most 12 episodes beside the first frame of the next."""
    episodes = len(checkpoint.clip.image)
    chosen = np.unique(np.linspace(0, episodes - 1, min(episodes, MOST_EPISODES)).round().astype(int))
    ways = []
    for episode in chosen:
        other = (int(episode) + 1) % episodes
        picture = drawn_beside(checkpoint, states, int(episode), other)
        ways.append(way_of(picture, checkpoint.clip.image, moving, int(episode), other))
    return Found(*(float(_mean([np.concatenate(side)])) for side in zip(*ways, strict=True)))


def says(found: Found) -> str:
    """What the swapped pictures show, in one or two sentences."""
    if np.isnan(found.still):
        return "Where nothing moves the episodes of this clip look alike, so another frame has nothing to exchange."
    sentence = (
        f"Beside the first frame of another episode, {STILL} goes {found.still:.2f} of the way to that episode's look"
    )
    source = "the context draws it" if found.still > 0.5 else "the state still holds most of it"
    if np.isnan(found.moving):
        return f"{sentence}: {source}. Nothing that moves could be told apart."
    rest = "comes from the state" if found.moving < 0.5 else "does not come through from the state: it is painted over"
    return f"{sentence}: {source}. {MOVING.capitalize()} goes {found.moving:.2f} of the way: it {rest}."


def read_from_states(feature: Floats, clip: Clip) -> list[dict[str, Any]]:
    """R2 of each varying factor read linearly from states (E, T, F), fitted on every second episode, on the others.

    [{"factor", "r2"}], best first; empty if the clip has too few episodes.
    """
    if len(feature) < LEAST_EPISODES or not clip.factor_names:
        return []
    scaled = (feature - feature.mean((0, 1))) / (feature.std((0, 1)) + 1e-6)
    fit, test = (scaled[start::2].reshape(-1, feature.shape[-1]) for start in (0, 1))
    known, asked = (clip.factors[start::2].reshape(-1, clip.factors.shape[-1]) for start in (0, 1))
    centre = known.mean(0)
    weights = np.linalg.solve(fit.T @ fit + RIDGE * len(fit) * np.eye(fit.shape[1]), fit.T @ (known - centre))
    error = np.square(test @ weights + centre - asked).sum(0)
    spread = np.square(asked - asked.mean(0)).sum(0)
    rows = [
        {"factor": name, "r2": round(float(1 - error[place] / spread[place]), 3)}
        for place, name in enumerate(clip.factor_names)
        if spread[place] > 1e-6 * len(asked)
    ]
    return sorted(rows, key=lambda row: -float(row["r2"]))


def _moving(clip: Clip) -> Mask:
    """Where each episode moves, (E, T, H, W): the agent's pixels if they are known."""
    if clip.agent is not None:
        return clip.agent
    return np.stack([moving_pixels(torch.from_numpy(image)).numpy() for image in clip.image])


def _mean(values: Sequence[Floats]) -> Floats:
    """The mean over the first axis (one series: over all of it), without what is missing; NaN if all is."""
    known = np.stack(values) if len(values) > 1 else np.asarray(values[0])
    there = np.isfinite(known)
    total, count = np.where(there, known, 0).sum(0), there.sum(0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _number(value: float) -> float | None:
    return round(value, 3) if np.isfinite(value) else None
