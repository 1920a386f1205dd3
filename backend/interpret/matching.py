"""Matches the dimensions of two models: what distillation, or another seed, kept."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from backend.data.checkpoint import Checkpoint, CheckpointInfo, Label
from backend.data.clip import Clip
from backend.interpret.encoded import INACTIVE_KL, Flags, Floats, Integers
from backend.interpret.latents import encode_images
from backend.interpret.names import FATES, dimension_names, fate_of_names
from backend.interpret.resample import bootstrap_weights, interval, shifted_rows

MIN_CORRELATION = 0.7
SHIFTS, RESAMPLES = 100, 200
CHANCE = 0.95  # share of the matches of shifted latents that are below the chance level


@dataclass(frozen=True)
class Match:
    """Dimension `first` of one model goes with `second` of the other, mirrored where the sign is -1."""

    first: int
    second: int
    correlation: float  # absolute, 0..1
    sign: int


@dataclass(frozen=True)
class Matching:
    """The matches of two models, next to those of two models that have nothing in common.

    null: by first dimension, what 95% of the matches stay below when the episodes of one model are shuffled.
    intervals: by first dimension, 95% over episodes. mean, mean_interval, mean_null: of the counted dimensions.
    """

    matches: list[Match]
    null: Mapping[int, float]
    intervals: Mapping[int, list[float]]
    mean: float
    mean_interval: list[float]
    mean_null: float

    def survives(self, first: int) -> bool:
        """Whether a dimension has a match that correlates by 0.7 or more, and by more than chance."""
        match = next((match for match in self.matches if match.first == first), None)
        return match is not None and match.correlation >= MIN_CORRELATION and match.correlation > self.null[first]


def correlations(first: Floats, second: Floats) -> Floats:
    """Pearson correlation of each latent of one model with each of another over the same frames: (Z1, Z2)."""
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} frames: matching needs the same frames")
    return np.asarray(_standardise(first).T @ _standardise(second) / len(first))


def match_latents(first: Floats, second: Floats) -> list[Match]:
    """The pairing of highest total |correlation| (Hungarian), by falling correlation: (N, Z1), (N, Z2)."""
    from scipy import optimize  # slow to import, so only when needed

    table = correlations(first, second)
    rows, columns = optimize.linear_sum_assignment(-np.abs(table))  # type: ignore[attr-defined]  # compiled, not re-exported
    matches = [
        Match(int(row), int(column), round(float(abs(table[row, column])), 6), 1 if table[row, column] >= 0 else -1)
        for row, column in zip(rows, columns, strict=True)
    ]
    return sorted(matches, key=lambda match: (-match.correlation, match.first))


def match_with_chance(first: Floats, second: Floats, clips: Sequence[Integers], counted: Flags) -> Matching:
    """Matches with their null and intervals: (N, Z1), (N, Z2).

    clips: the episode of each frame, clip by clip, N together; episodes are shuffled within a clip. counted: (Z1,) the
    dimensions that the mean is of.
    """
    generator = np.random.default_rng(0)
    matches = match_latents(first, second)
    shuffled = np.full((SHIFTS, first.shape[1]), np.nan)
    for shift in range(SHIFTS):
        for match in match_latents(first, second[_shuffled(clips, generator)]):
            shuffled[shift, match.first] = match.correlation
    order = [match.first for match in matches]
    resampled = _resampled(first[:, order], second[:, [match.second for match in matches]], clips, generator)
    chance = np.nan_to_num(np.nanquantile(np.nan_to_num(shuffled), CHANCE, axis=0))
    mean = [place for place, dim in enumerate(order) if counted[dim]]
    value = float(np.mean([matches[place].correlation for place in mean])) if mean else 0.0
    null = np.nan_to_num(shuffled[:, [order[place] for place in mean]]).mean(axis=1) if mean else np.zeros(1)
    return Matching(
        matches=matches,
        null={dim: round(float(chance[dim]), 4) for dim in order},
        intervals={
            match.first: _rounded(interval(match.correlation, resampled[:, place]))
            for place, match in enumerate(matches)
        },
        mean=round(value, 4),
        mean_interval=_rounded(interval(value, resampled[:, mean].mean(axis=1))) if mean else [0.0, 0.0],
        mean_null=round(float(np.quantile(null, CHANCE)), 4),
    )


def compare_checkpoints(first: Checkpoint, second: Checkpoint) -> dict[str, Any]:
    """How two checkpoints' dimensions match on the frames of both clips, and what happened to the names.

    {"matches": [{"first", "second", "correlation", "sign", "interval", "null", "first_name", "second_name",
    "first_active", "second_active"}], "mean_correlation", "mean_interval", "mean_null", "episodes", "frames",
    "same_environment", "kept", "lost", "gained": names}. A name is kept when its match is active, correlates by 0.7 or
    more and by more than chance, and has the same name or none. Between models of different environments no
    name can be kept or lost: the three are null. Latents are centred per clip, so a difference in their looks makes
    no two dimensions alike.
    """
    clips = [first.clip, second.clip][: 2 if first.info.id != second.info.id else 1]
    before, after = (np.concatenate([_within(checkpoint, clip) for clip in clips]) for checkpoint in (first, second))
    episodes = [np.repeat(np.arange(len(clip.image)), clip.image.shape[1]) for clip in clips]
    names = [[name.name for name in dimension_names(checkpoint)] for checkpoint in (first, second)]
    active = [checkpoint.statistics.kl >= INACTIVE_KL for checkpoint in (first, second)]
    matching = match_with_chance(before, after, episodes, active[0])
    rows = [
        {
            **asdict(match),
            "interval": matching.intervals[match.first],
            "null": matching.null[match.first],
            "first_name": names[0][match.first],
            "second_name": names[1][match.second],
            "first_active": bool(active[0][match.first]),
            "second_active": bool(active[1][match.second]),
        }
        for match in matching.matches
    ]
    same = same_environment(first.info, second.info)
    fates = fate_of_names(names[0], _survivors(rows, matching), names[1]) if same else dict.fromkeys(FATES)
    return {
        "matches": rows,
        "mean_correlation": matching.mean,
        "mean_interval": matching.mean_interval,
        "mean_null": matching.mean_null,
        "frames": len(before),
        "episodes": sum(len(clip.image) for clip in clips),
        "same_environment": same,
        **fates,
    }


def same_environment(first: CheckpointInfo, second: CheckpointInfo) -> bool:
    """Whether two models learned from the same environment, or, for a person's own videos, from the same data set."""
    if first.environment is None and second.environment is None and first.id != second.id:
        known = first.config.get("dataset"), second.config.get("dataset")
        return known[0] == known[1] and known[0] is not None
    return first.environment == second.environment


def carry_labels(
    labels: Mapping[int, Label], matches: Sequence[Match], source: str, least: float = MIN_CORRELATION
) -> dict[int, Label]:
    """A person's names for the second model's dimensions, marked as carried from checkpoint `source`."""
    return {
        match.second: replace(labels[match.first], carried_from=source)
        for match in matches
        if match.first in labels and match.correlation >= least
    }


def _shuffled(clips: Sequence[Integers], generator: np.random.Generator) -> Integers:
    """For each frame, the frame whose latent it gets under the null, from another episode of its clip: (N,)."""
    rows, start = [], 0
    for episode in clips:
        rows.append(start + shifted_rows(episode, generator))
        start += len(episode)
    return np.concatenate(rows)


def _resampled(first: Floats, second: Floats, clips: Sequence[Integers], generator: np.random.Generator) -> Floats:
    """|correlation| of each pair of columns (N, M), (N, M) over 200 draws of episodes: (R, M)."""
    weights = np.stack(
        [np.concatenate([bootstrap_weights(episode, generator) for episode in clips]) for _ in range(RESAMPLES)]
    )
    weights /= weights.sum(axis=1, keepdims=True)
    means = weights @ first, weights @ second
    spreads = [weights @ values**2 - mean**2 for values, mean in zip((first, second), means, strict=True)]
    covariance = weights @ (first * second) - means[0] * means[1]
    scale = np.sqrt(np.maximum(spreads[0] * spreads[1], 0))
    return np.asarray(np.abs(covariance) / np.where(scale > 1e-12, scale, np.inf))


def _survivors(rows: list[dict[str, Any]], matching: Matching) -> set[int]:
    """The first model's dimensions whose match is active, close, and has the same name or none."""
    return {
        row["first"]
        for row in rows
        if matching.survives(row["first"]) and row["second_active"] and row["second_name"] in (None, row["first_name"])
    }


def _within(checkpoint: Checkpoint, clip: Clip) -> Floats:
    """Latent means of a clip's frames around their mean: (N, Z)."""
    latent = encode_images(checkpoint.model, clip.image.reshape(-1, *clip.image.shape[2:]))[0]
    return np.asarray(latent - latent.mean(axis=0))


def _standardise(values: Floats) -> Floats:
    spread = values.std(axis=0)
    return np.asarray((values - values.mean(axis=0)) / np.where(spread > 1e-9, spread, np.inf))


def _rounded(edges: Sequence[float]) -> list[float]:
    return [round(edge, 4) for edge in edges]
