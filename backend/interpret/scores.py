"""The metrics of a whole latent with their intervals (episodes resampled) and their null (factors shifted)."""

from collections.abc import Callable
from typing import Any

import numpy as np

from backend.interpret.encoded import EncodedFrames, Floats
from backend.interpret.grouping import reduce_groups
from backend.interpret.metrics import (
    dci,
    explicitness,
    infomec,
    lasso_probe,
    linear_probe,
    mig,
    sap,
    tree_probe,
)
from backend.interpret.nulls import Association
from backend.interpret.resample import bootstrap_weights, interval, shifted_rows

PROBE_FRAMES = 5_000
PROBE_RESAMPLES = 10
PROBE_SHIFTS = 3


def score(
    frames: EncodedFrames, association: Association, seed: int, progress: Callable[[float, str], None]
) -> dict[str, Any]:
    """{metric: value, ..., "intervals": {metric: [low, high]}, "null": {metric: value expected by chance}}."""
    few = frames.take(np.arange(0, len(frames.mean), -(-len(frames.mean) // PROBE_FRAMES)))
    values = _from_matrix(association, association.nmi) | _from_probes(few, few.mean, few.factors, seed)
    generator = np.random.default_rng(seed)
    resampled = [_from_matrix(association, nmi) for nmi in association.resampled]
    shifted = [_from_matrix(association, nmi) for nmi in association.null]
    probed, probed_null = [], []
    for step in range(PROBE_RESAMPLES):
        progress(0.9 * step / PROBE_RESAMPLES, "probes of resampled episodes")
        probed.append(_resampled_probes(few, seed, generator))
    for _ in range(PROBE_SHIFTS):
        rows = shifted_rows(few.episode, generator)
        probed_null.append(_from_probes(few, few.mean, few.factors[rows], seed))
    spread, chance = _join(resampled, probed), _join(shifted, probed_null)
    return {
        **{name: round(value, 4) for name, value in values.items()},
        "intervals": {
            name: [round(edge, 4) for edge in interval(value, spread[name])] for name, value in values.items()
        },
        "null": {name: round(float(chance[name].mean()), 4) for name in values},
    }


def _from_matrix(association: Association, nmi: Floats) -> dict[str, float]:
    """The metrics that only need the NMI matrix; a sine and a cosine count as one factor."""
    names = [name for name, varies in zip(association.factor_names, association.varying, strict=True) if varies]
    modular, compact = infomec(reduce_groups(association.beyond_chance(nmi), names))
    return {
        "mig": mig(reduce_groups(nmi[:, association.varying], names)),
        "infom": modular,
        "infoc": compact,
    }


def _from_probes(frames: EncodedFrames, latent: Floats, factors: Floats, seed: int) -> dict[str, float]:
    names, episode = frames.factor_names, frames.episode
    disentangled, complete, informative = dci(tree_probe(latent, factors, names, episode, seed))
    lasso = dci(lasso_probe(latent, factors, names, episode))
    return {
        "dci": disentangled,
        "dci_completeness": complete,
        "dci_informativeness": informative,
        "dci_lasso": lasso[0],
        "dci_lasso_completeness": lasso[1],
        "dci_lasso_informativeness": lasso[2],
        "sap": sap(latent, factors, names),
        "infoe": explicitness(linear_probe(latent, factors, names, episode)),
    }


def _resampled_probes(frames: EncodedFrames, seed: int, generator: np.random.Generator) -> dict[str, float]:
    """Probes on episodes drawn with replacement; copies of an episode stay on one side of the split."""
    weights = bootstrap_weights(frames.episode, generator).astype(int)
    drawn = frames.take(np.repeat(np.arange(len(weights)), weights))
    return _from_probes(drawn, drawn.mean, drawn.factors, seed)


def _join(matrices: list[dict[str, float]], probes: list[dict[str, float]]) -> dict[str, Floats]:
    return {name: np.array([values[name] for values in group]) for group in (matrices, probes) for name in group[0]}
