"""What a model sees: whether the agent is in its pictures, and whether its imagination beats trivial guesses.

Compared with three guesses that need no model: the last observed frame again, the mean image of the other episodes,
the mean of the observed frames.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from backend.interpret.agents import NOTHING, Masks, Recording, find_agent
from backend.interpret.encoded import Floats
from backend.interpret.predictions import CONTEXT, FRAMES, Pictures, predictions
from backend.interpret.quality_sentence import Findings, sentence
from models.browsable import Browsable

STEPS = (1, 5, 10, 15, 25, 45)  # imagined after CONTEXT observed frames
CLOSE = 40  # error in grey levels, in every channel, up to which a pixel is right
MOST_EPISODES = 24
RESAMPLES = 1000
BEST_DB = 100.0
EVERY = slice(None)
IMAGINED, OBSERVED = ("model", "repeat_last", "mean_image", "observed_mean"), ("model", "mean_image")


class Errors(NamedTuple):
    """How far pictures are from the truth, frame by frame, (E, T); nan after the end of an episode."""

    squared: Floats  # mean over the picture, of colours in [0, 1]
    agent_squared: Floats  # sum over the agent's pixels of the mean over colours
    agent_right: Floats  # agent's pixels that are close in every channel
    agent_pixels: Floats


def measure_quality(
    model: Browsable,
    episodes: Sequence[Recording],
    environment: str | None,
    *,
    source: str,
    policy_return: Mapping[str, Any] | None = None,
    seed: int = 0,
    most: int = MOST_EPISODES,
) -> dict[str, Any]:
    """The quality line of a model on episodes that it was not trained on; at most the first `most` are used.

    {"agent_right": {"observed", "imagined": {"1", "5", ...}}, "psnr": {"model": {"1", ...}, "repeat_last",
    "mean_image", "observed_mean"}, "agent_psnr": the same over the agent's pixels, "guesses_right": as agent_right for
    each guess, "parts": the same for each part of the agent that can be told apart, with the observed share of the
    "mean_image", "reconstruction": {"psnr", "agent_psnr": {"model", "mean_image"}}, "intervals": 95 % over episodes in
    the same places, "beats": {guess: first step from which on the model is better at every step, "all"}, "sees": one
    sentence, "mask", "part", "agent_share", "context", "episodes", "frames", "source", "policy_return"}. The return is
    that of the most likely actions, or of drawn ones if it has "most_likely", the other mean, too. PSNR in dB of the
    mean squared error over episodes; shares from 0 to 1. A number that cannot be computed is None.
    """
    chosen = [episode for episode in episodes if len(episode.image)][:most]
    if not chosen:
        raise ValueError("there is no episode to measure on")
    images, agent = [episode.image[:FRAMES] for episode in chosen], find_agent(chosen, environment)
    imagined, observed = predictions(model, images, [episode.action[:FRAMES] for episode in chosen])
    ahead = {name: _errors(images, agent.masks, imagined[name], CONTEXT) for name in IMAGINED}
    seen = {name: _errors(images, agent.masks, observed[name], 0) for name in OBSERVED}
    figures = _Figures(_draws(len(chosen), seed))
    for name in OBSERVED:
        figures.put_observed(name, seen[name])
    for name in IMAGINED:
        figures.put_imagined(name, ahead[name])
    for part, masks in agent.parts.items():
        drawn, guess = (_errors(images, masks, observed[name], 0) for name in OBSERVED)
        figures.put_part(part, drawn, guess, _errors(images, masks, imagined["model"], CONTEXT))
    answer, beats = figures.values, _beats(ahead)
    share = float(np.mean([mask[:FRAMES].mean() for mask in agent.masks]))
    return {
        **answer,
        "intervals": figures.intervals,
        "beats": dict.fromkeys((*IMAGINED[1:], "all")) | beats,
        "sees": sentence(Findings(agent.kind, agent.name, answer, beats, len(_curve(ahead["model"])))),
        "mask": agent.kind if share else NOTHING,
        "part": agent.name,
        "agent_share": share,
        "context": CONTEXT,
        "episodes": len(chosen),
        "frames": sum(map(len, images)),
        "source": source,
        "policy_return": None if policy_return is None else dict(policy_return),
    }


def _errors(images: Sequence[Pictures], masks: Sequence[Masks], predicted: Sequence[Pictures], context: int) -> Errors:
    """Predictions of the frames from `context` on, one per episode, against the truth; also of the agent alone."""
    table = np.full((4, len(images), FRAMES - context), np.nan)
    for row, (image, mask, guess) in enumerate(zip(images, masks, predicted, strict=True)):
        predicted_frames = slice(context, context + len(guess))
        truth, agent = image[predicted_frames], mask[predicted_frames]
        distance = np.abs(truth.astype(np.int16) - guess)
        squared = (distance.astype(np.float32) / 255) ** 2
        table[0, row, : len(truth)] = squared.mean(axis=(1, 2, 3))
        table[1, row, : len(truth)] = (squared.mean(axis=3) * agent).sum(axis=(1, 2))
        table[2, row, : len(truth)] = ((distance.max(axis=3) <= CLOSE) & agent).sum(axis=(1, 2))
        table[3, row, : len(truth)] = agent.sum(axis=(1, 2))
    return Errors(*table)


def _draws(episodes: int, seed: int) -> Floats:
    """How often each episode counts: as it is, then drawn with replacement (1 + RESAMPLES, E)."""
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(episodes, np.full(episodes, 1 / episodes), RESAMPLES)
    return np.concatenate([np.ones((1, episodes)), drawn])


class _Figures:
    """Numbers beside their intervals, in two trees of the same shape."""

    def __init__(self, weights: Floats) -> None:
        """`weights`: the weight of each episode in each resample (1 + R, E); in the first, all are 1."""
        self._weights = weights
        self.values: dict[str, Any] = {
            "agent_right": {"observed": None, "imagined": {}},
            **{name: {} for name in ("psnr", "agent_psnr", "guesses_right", "reconstruction", "parts")},
        }
        self.intervals: dict[str, Any] = {}

    def put_observed(self, name: str, errors: Errors) -> None:
        """What observed frames look like, by the model or by a guess."""
        self._put((*_right_of(name), "observed"), self._right(errors))
        self._put(("reconstruction", "psnr", name), _decibels(self._picture(errors)))
        self._put(("reconstruction", "agent_psnr", name), _decibels(self._agent(errors)))

    def put_imagined(self, name: str, errors: Errors) -> None:
        """What imagined frames look like, step by step, by the model or by a guess."""
        for step in STEPS:
            at, place = slice(step - 1, step), str(step)
            self._put(("psnr", name, place), _decibels(self._picture(errors, at)))
            self._put(("agent_psnr", name, place), _decibels(self._agent(errors, at)))
            self._put((*_right_of(name), "imagined", place), self._right(errors, at))

    def put_part(self, part: str, seen: Errors, guess: Errors, ahead: Errors) -> None:
        """A part of the agent in observed frames, in the mean image and in imagination."""
        self._put(("parts", part, "observed"), self._right(seen))
        self._put(("parts", part, "mean_image"), self._right(guess))
        for step in STEPS:
            self._put(("parts", part, "imagined", str(step)), self._right(ahead, slice(step - 1, step)))

    def _put(self, path: tuple[str, ...], resampled: Floats) -> None:
        value, interval = _with_interval(resampled, self._weights.shape[1])
        _place(self.values, path, value)
        _place(self.intervals, path, interval)

    def _picture(self, errors: Errors, at: slice = EVERY) -> Floats:
        """Mean squared error of the frames `at` in each resample; nan if there is no such frame."""
        squared = errors.squared[:, at]
        return self._ratio(np.nansum(squared, axis=1), np.isfinite(squared).sum(axis=1))

    def _agent(self, errors: Errors, at: slice = EVERY) -> Floats:
        """The same over the agent's pixels."""
        return self._ratio(
            np.nansum(errors.agent_squared[:, at], axis=1), np.nansum(errors.agent_pixels[:, at], axis=1)
        )

    def _right(self, errors: Errors, at: slice = EVERY) -> Floats:
        """Share of the agent's pixels of the frames `at` that are right."""
        return self._ratio(np.nansum(errors.agent_right[:, at], axis=1), np.nansum(errors.agent_pixels[:, at], axis=1))

    def _ratio(self, part: Floats, whole: Floats) -> Floats:
        above, below = self._weights @ part, self._weights @ whole
        return np.asarray(np.divide(above, below, out=np.full(len(self._weights), np.nan), where=below > 0))


def _right_of(name: str) -> tuple[str, ...]:
    return ("agent_right",) if name == "model" else ("guesses_right", name)


def _place(tree: dict[str, Any], path: tuple[str, ...], leaf: Any) -> None:
    for name in path[:-1]:
        tree = tree.setdefault(name, {})
    tree[path[-1]] = leaf


def _decibels(squared: Floats) -> Floats:
    return np.asarray(-10 * np.log10(np.maximum(squared, 10 ** (-BEST_DB / 10))))


def _with_interval(resampled: Floats, episodes: int) -> tuple[float | None, list[float] | None]:
    """The value, which comes first, and the range of 95 % of the resampled ones; no interval for a single episode."""
    if not np.isfinite(resampled[0]):
        return None, None
    value, drawn = float(resampled[0]), resampled[1:][np.isfinite(resampled[1:])]
    if episodes < 2 or not len(drawn):
        return value, None
    low, high = np.percentile(drawn, [2.5, 97.5])
    return value, [float(low), float(high)]


def _curve(errors: Errors) -> Floats:
    """Mean squared error at each step that some episode reaches: (steps,)."""
    reached = np.isfinite(errors.squared).any(axis=0)
    return np.asarray(np.nanmean(errors.squared[:, reached], axis=0))


def _beats(ahead: Mapping[str, Errors]) -> dict[str, int | None]:
    """The first step from which on the model is closer to the truth than a guess at every measured step.

    A guess that does not exist, such as the mean image of other episodes if there is only one, is left out.
    """
    model = _curve(ahead["model"])
    curves = {name: _curve(ahead[name]) for name in IMAGINED[1:]}
    guesses = {name: curve for name, curve in curves.items() if len(curve)}
    if not guesses:
        return {}
    first = {name: _first_lasting(model < guess) for name, guess in guesses.items()}
    return first | {"all": _first_lasting(model < np.min(list(guesses.values()), axis=0))}


def _first_lasting(better: npt.NDArray[np.bool_]) -> int | None:
    """The first step, counted from 1, of the final stretch in which all are true."""
    worse = np.flatnonzero(~better)
    step = int(worse[-1]) + 2 if len(worse) else 1
    return step if step <= len(better) else None
