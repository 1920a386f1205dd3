"""Which dimension of one model is which of another: what distillation, or another seed, carried over."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from scipy import optimize

from backend.data.checkpoint import Checkpoint, Clip, Label
from backend.interpret.encoded import INACTIVE_KL, Floats
from backend.interpret.latents import encode_images
from backend.interpret.names import dimension_names

KEPT_CORRELATION = 0.7


@dataclass(frozen=True)
class Match:
    """Dimension `first` of one model goes with `second` of the other, mirrored where the sign is -1."""

    first: int
    second: int
    correlation: float  # absolute, 0..1
    sign: int


def correlations(first: Floats, second: Floats) -> Floats:
    """Pearson correlation of each latent of one model with each of another over the same frames: (Z1, Z2)."""
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} frames: matching needs the same frames")
    return np.asarray(_standardise(first).T @ _standardise(second) / len(first))


def match_latents(first: Floats, second: Floats) -> list[Match]:
    """The pairing of highest total |correlation| (Hungarian), by falling correlation: (N, Z1), (N, Z2)."""
    table = correlations(first, second)
    rows, columns = optimize.linear_sum_assignment(-np.abs(table))  # type: ignore[attr-defined]  # compiled, not re-exported
    matches = [
        Match(int(row), int(column), round(float(abs(table[row, column])), 6), 1 if table[row, column] >= 0 else -1)
        for row, column in zip(rows, columns, strict=True)
    ]
    return sorted(matches, key=lambda match: (-match.correlation, match.first))


def compare_checkpoints(first: Checkpoint, second: Checkpoint) -> dict[str, Any]:
    """How two checkpoints' dimensions go together on the frames of both clips, and what became of the names.

    {"matches": [{"first", "second", "correlation", "sign", "first_name", "second_name", "first_active",
    "second_active"}], "mean_correlation", "same_environment", "kept", "lost", "gained": names}. A name is kept when
    its match is active, correlates by 0.7 or more and bears it too, or has none of its own. Latents are centred clip by
    clip: that two clips look different makes no two dimensions alike.
    """
    clips = [first.clip, second.clip][: 2 if first.info.id != second.info.id else 1]
    encoded = [np.concatenate([_within(checkpoint, clip) for clip in clips]) for checkpoint in (first, second)]
    names = [[name.name for name in dimension_names(checkpoint)] for checkpoint in (first, second)]
    active = [checkpoint.statistics.kl >= INACTIVE_KL for checkpoint in (first, second)]
    rows = [
        {
            **asdict(match),
            "first_name": names[0][match.first],
            "second_name": names[1][match.second],
            "first_active": bool(active[0][match.first]),
            "second_active": bool(active[1][match.second]),
        }
        for match in match_latents(*encoded)
    ]
    followed = [row["correlation"] for row in rows if row["first_active"]]
    return {
        "matches": rows,
        "mean_correlation": round(float(np.mean(followed)), 4) if followed else 0.0,
        "same_environment": first.info.environment == second.info.environment,
        **_fate_of_names(rows, names),
    }


def carry_labels(
    labels: Mapping[int, Label], matches: Sequence[Match], source: str, least: float = KEPT_CORRELATION
) -> dict[int, Label]:
    """A person's names for the second model's dimensions, marked as carried from checkpoint `source`."""
    return {
        match.second: replace(labels[match.first], carried_from=source)
        for match in matches
        if match.first in labels and match.correlation >= least
    }


def _fate_of_names(rows: list[dict[str, Any]], names: list[list[str | None]]) -> dict[str, list[str]]:
    before = {name for name in names[0] if name}
    after = {name for name in names[1] if name}
    kept = {
        row["first_name"]
        for row in rows
        if row["first_name"]
        and row["correlation"] >= KEPT_CORRELATION
        and row["second_active"]
        and row["second_name"] in (None, row["first_name"])
    }
    return {"kept": sorted(kept), "lost": sorted(before - kept), "gained": sorted(after - before)}


def _within(checkpoint: Checkpoint, clip: Clip) -> Floats:
    """Latent means of a clip's frames around their mean: (N, Z)."""
    latent = encode_images(checkpoint.model, clip.image.reshape(-1, 64, 64, 3))[0]
    return np.asarray(latent - latent.mean(axis=0))


def _standardise(values: Floats) -> Floats:
    spread = values.std(axis=0)
    return np.asarray((values - values.mean(axis=0)) / np.where(spread > 1e-9, spread, np.inf))
