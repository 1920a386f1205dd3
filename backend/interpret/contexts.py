"""Contexts: the states of an episode drawn beside frames of other episodes: what comes from the frame, what from them.

Two swaps tell them apart. Where nothing moves, a picture follows the frame as far as exchanging the frame alone changes
it towards the other episode, and the state as far as exchanging the state alone does: 1 is wholly, 0 not at all.
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
from backend.interpret.resample import MIN_UNITS, interval_of_mean
from backend.interpret.rollout import decode
from backend.interpret.timeline import Strip, Timeline, curve
from backend.interpret.view import Picture, provenance_of
from models.motion import moving_pixels
from models.types import State, normalise

FRAME, STATE, MOTION = "still: follows the frame", "still: follows the state", "motion: follows the state"
CHART = "Share of the true difference (1: all of it)"
ALIKE = 2.0  # grey levels, a difference that is too small to tell whether a picture shows it
WEAK = 0.25  # a share that is called hardly any
MOST_EPISODES = 8
LEAST_EPISODES = 6  # for reading factors from states: fewer cannot be split into two halves
RIDGE = 0.01  # of the number of frames

Mask = npt.NDArray[np.bool_]


class Shares(NamedTuple):
    """How much of a true difference two pictures show, for each step (S,); NaN where there is no difference to show."""

    frame: Floats  # where neither episode moves, if only the frame is exchanged
    state: Floats  # the same, if only the state is
    motion: Floats  # between the first and the second half of the episode, beside another episode's frame


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
    shares, still = [], still_pixels(clip)
    for other in others:
        picture = drawn_beside(checkpoint, states, request.episode, other)
        strips += [
            Strip(f"episode {other}", "first frame", np.broadcast_to(clip.image[other, 0], image.shape), "truth"),
            Strip(f"beside episode {other}", "same states", picture),
        ]
        shares.append(shares_of(checkpoint, states, still, request.episode, other))
    origin = {key: provenance_of(checkpoint)[key] for key in ("checkpoint", "weights")}
    found = over_clip(checkpoint, states, still)
    readable = read_from_states(states.feature.numpy(), clip)
    return Timeline(
        kind="contexts",
        title=f"Contexts, {checkpoint.info.name}",
        name=name,
        context=len(image),
        strips=tuple(strips),
        curves={
            CHART: {
                line: curve(_mean([getattr(share, name) for share in shares]))
                for line, name in ((FRAME, "frame"), (STATE, "state"), (MOTION, "motion"))
            }
        },
        settings=json.dumps({"diswm": "contexts", **origin, "view": request.to_json()}, sort_keys=True),
        facts={
            "says": says(found),
            "shares": {name: _number(getattr(found, name)) for name in Shares._fields},
            "intervals": None if found.intervals is None else [_numbers(row) for row in found.intervals],
            "read": readable,
        },
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


def shares_of(checkpoint: Checkpoint, states: State, still: Mask, episode: int, other: int) -> Shares:
    """What each of two swaps of two episodes changes; `still` is what `still_pixels` gives."""
    image = checkpoint.clip.image
    own = drawn_beside(checkpoint, states, episode, episode)
    framed = drawn_beside(checkpoint, states, episode, other)
    stated = drawn_beside(checkpoint, states, other, episode)
    where = np.broadcast_to(still[episode] & still[other], image[episode].shape[:3])
    later = np.roll(np.arange(len(own)), -(len(own) // 2))
    everywhere = np.ones_like(where)
    return Shares(
        share_shown(own, framed, image[episode], image[other], where),
        share_shown(own, stated, image[episode], image[other], where),
        share_shown(framed, framed[later], image[episode], image[episode][later], everywhere),
    )


def share_shown(before: Picture, after: Picture, own: Picture, other: Picture, where: Mask) -> Floats:
    """How much of the step from `own` to `other` the step from `before` to `after` shows, of each frame: (S,).

    The least-squares slope over the pixels (S, H, W) of `where`; all pictures are (S, H, W, 3).
    """
    true = (other.astype(np.float64) - own) * where[..., None]
    shown = after.astype(np.float64) - before
    size, seen = np.square(true).sum((1, 2, 3)), np.maximum(where.sum((1, 2)) * own.shape[-1], 1)
    share = (shown * true).sum((1, 2, 3)) / np.maximum(size, 1e-9)
    return np.where(np.sqrt(size / seen) < ALIKE, np.nan, share)


class Found(NamedTuple):
    """The mean shares over pairs of episodes; NaN where all look alike."""

    frame: float
    state: float
    motion: float
    intervals: Floats | None = None  # 95% of each over episodes, (3, 2); None for too few episodes


def over_clip(checkpoint: Checkpoint, states: State, still: Mask) -> Found:
    """Each of at most 8 episodes beside the first frame of the next."""
    episodes = len(checkpoint.clip.image)
    chosen = np.unique(np.linspace(0, episodes - 1, min(episodes, MOST_EPISODES)).round().astype(int))
    shares = [shares_of(checkpoint, states, still, int(one), (int(one) + 1) % episodes) for one in chosen]
    means = np.array([[_mean([side]) for side in pair] for pair in shares])  # (E, 3)
    frame, state, motion = (float(_mean([np.concatenate(side)])) for side in zip(*shares, strict=True))
    return Found(frame, state, motion, interval_of_mean(means) if len(means) >= MIN_UNITS else None)


def says(found: Found) -> str:
    """What the swapped pictures show, in one or two sentences."""
    if np.isnan(found.frame):
        sentence = "Where nothing moves the episodes of this clip look alike: another frame has nothing to exchange."
    else:
        sentence = (
            "Where nothing moves, pictures follow the frame beside the state by "
            f"{_spread(found, 0)} and the state by {_spread(found, 1)} (1: wholly, 0: not at all): {_verdict(found)}."
        )
    if np.isnan(found.motion):
        return sentence
    sentence = f"{sentence} Of the true motion {_spread(found, 2)} is drawn beside another episode's frame."
    return sentence if found.intervals is None else f"{sentence} In brackets 95% intervals over episodes."


def _spread(found: Found, place: int) -> str:
    """`0.89 [0.85, 0.93]`."""
    value = f"{(found.frame, found.state, found.motion)[place]:.2f}"
    if found.intervals is None:
        return value
    low, high = (round(float(end), 2) + 0.0 for end in found.intervals[place])  # never -0.00
    return f"{value} [{low:.2f}, {high:.2f}]"


def _verdict(found: Found) -> str:
    if max(found.frame, found.state) < WEAK:
        return "the model draws hardly any difference between these episodes"
    if found.frame > 2 * max(found.state, 0):
        return "the frame decides how it looks"
    if found.state > 2 * max(found.frame, 0):
        return "the state still holds how it looks"
    return "both have a part in how it looks"


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


def still_pixels(clip: Clip) -> Mask:
    """Where each episode never moves, (E, H, W): not the agent's pixels, if they are known."""
    moving = clip.agent
    if moving is None:
        moving = np.stack([moving_pixels(torch.from_numpy(image)).numpy() for image in clip.image])
    return np.asarray(~moving.any(1), bool)


def _mean(values: Sequence[Floats]) -> Floats:
    """The mean over the first axis (one series: over all of it), without what is missing; NaN if all is."""
    known = np.stack(values) if len(values) > 1 else np.asarray(values[0])
    there = np.isfinite(known)
    total, count = np.where(there, known, 0).sum(0), there.sum(0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _number(value: float) -> float | None:
    return round(value, 3) if np.isfinite(value) else None


def _numbers(values: Floats) -> list[float | None]:
    return [_number(float(value)) for value in values]
