"""What distillation carried over: the dimensions of one model, followed through the checkpoints of a run."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from backend.data.checkpoint import Checkpoint
from backend.interpret.encoded import INACTIVE_KL, EncodedFrames, Flags
from backend.interpret.factors import name_dimensions
from backend.interpret.guesses import with_guesses
from backend.interpret.latents import encode_frames
from backend.interpret.matching import Matching, match_with_chance, same_environment
from backend.interpret.names import FATES, dimension_names, fate_of_names
from backend.interpret.request import ViewError

MOST_FRAMES = 1200
MOST_CHECKPOINTS = 24


def transfer_table(reference: Checkpoint, checkpoints: Sequence[Checkpoint]) -> dict[str, Any]:
    """Matches the reference's dimensions with those of each checkpoint over the same frames: the last one's clip.

    {"reference": {"id", "name"}, "checkpoints": [{"id", "name", "stage", "steps", "mean_correlation", "mean_interval",
    "mean_null", "kept", "lost", "gained"}], "dimensions": [{"dim", "name", "kl", "active", "correlation", "match",
    "sign", "null", "fate"}], "frames"}. `correlation`, `match`, `sign` and `null` have one value per
    checkpoint. A named dimension is kept as long as its match correlates by
    0.7 or more and by more than chance, is active and does not bear another name, else lost; a name is gained that the
    reference does not have. The three are null for a checkpoint of another environment.
    `fate` is that at the end. Dimensions are sorted by descending KL. Raises ViewError.
    """
    if not checkpoints:
        raise ViewError("reference", "there is no checkpoint to compare with")
    if len(checkpoints) > MOST_CHECKPOINTS:
        raise ViewError("reference", f"{len(checkpoints)} checkpoints are more than {MOST_CHECKPOINTS}")
    frames = checkpoints[-1].clip
    encoded = {checkpoint.info.id: _encode(checkpoint, frames) for checkpoint in (reference, *checkpoints)}
    truth = encoded[reference.info.id]
    names = _names(reference, truth)
    active = reference.statistics.kl >= INACTIVE_KL
    matchings = [
        match_with_chance(truth.mean, encoded[checkpoint.info.id].mean, [truth.episode], active)
        for checkpoint in checkpoints
    ]
    named = [_names(checkpoint, encoded[checkpoint.info.id]) for checkpoint in checkpoints]
    fates = [
        _fates(names, matching, others, checkpoint.statistics.kl >= INACTIVE_KL)
        if same_environment(reference.info, checkpoint.info)
        else None
        for checkpoint, matching, others in zip(checkpoints, matchings, named, strict=True)
    ]
    return {
        "reference": {"id": reference.info.id, "name": reference.info.name},
        "checkpoints": [
            _checkpoint(checkpoint, matching, _sorted_names(names, fate, others))
            for checkpoint, matching, fate, others in zip(checkpoints, matchings, fates, named, strict=True)
        ],
        "dimensions": [
            _dimension(reference, int(dim), names[dim], matchings, fates[-1])
            for dim in np.argsort(-reference.statistics.kl, kind="stable")
        ],
        "frames": len(truth.mean),
    }


def _checkpoint(checkpoint: Checkpoint, matching: Matching, changes: Mapping[str, list[str] | None]) -> dict[str, Any]:
    """One checkpoint of the answer; `changes`: the names kept, lost and gained."""
    info = checkpoint.info
    return {
        "id": info.id,
        "name": info.name,
        "stage": info.stage,
        "steps": info.steps,
        "mean_correlation": matching.mean,
        "mean_interval": matching.mean_interval,
        "mean_null": matching.mean_null,
        **changes,
    }


def _dimension(
    reference: Checkpoint, dim: int, name: str | None, matchings: Sequence[Matching], fates: Mapping[int, str] | None
) -> dict[str, Any]:
    """One dimension of the reference, and its match in every checkpoint; `fates`: at the last of them."""
    kl = float(reference.statistics.kl[dim])
    matches = [next((match for match in matching.matches if match.first == dim), None) for matching in matchings]
    return {
        "dim": dim,
        "name": name,
        "kl": round(kl, 4),
        "active": kl >= INACTIVE_KL,
        "correlation": [None if match is None else match.correlation for match in matches],
        "match": [None if match is None else match.second for match in matches],
        "sign": [None if match is None else match.sign for match in matches],
        "null": [matching.null.get(dim) for matching in matchings],
        "fate": None if fates is None else fates.get(dim),
    }


def _encode(checkpoint: Checkpoint, clip: Any) -> EncodedFrames:
    """Latents of every n-th frame, at most 1,200 in total; guesses replace missing factors."""
    source, guessed = (clip, False) if clip.factor_names else (with_guesses(clip.image), True)
    encoded = encode_frames(checkpoint.model, source, guessed=guessed)
    step = -(-len(encoded.mean) // MOST_FRAMES)
    return encoded.take(np.arange(0, len(encoded.mean), step))


def _names(checkpoint: Checkpoint, encoded: EncodedFrames) -> list[str | None]:
    """Names saved with the checkpoint, or else computed from these frames; a person's name always wins."""
    known = dimension_names(checkpoint)
    if checkpoint.factors is not None:
        return [name.name for name in known]
    found = name_dimensions(encoded)
    return [name.name or other for name, other in zip(known, found, strict=True)]


def _fates(names: list[str | None], matching: Matching, others: list[str | None], alive: Flags) -> dict[int, str]:
    """`kept` or `lost` for each named dimension of the reference; `alive`: the other's active dimensions."""
    fates, matches = {}, {match.first: match for match in matching.matches}
    for dim, name in enumerate(names):
        if name is not None:
            match = matches.get(dim)
            close = match is not None and matching.survives(dim) and bool(alive[match.second])
            fates[dim] = "kept" if match and close and others[match.second] in (None, name) else "lost"
    return fates


def _sorted_names(
    names: list[str | None], fates: Mapping[int, str] | None, others: list[str | None]
) -> Mapping[str, list[str] | None]:
    if fates is None:
        return dict.fromkeys(FATES)
    return fate_of_names(names, [dim for dim, fate in fates.items() if fate == "kept"], others)
