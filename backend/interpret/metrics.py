"""Disentanglement metrics over latent means: MIG, DCI (Lasso and trees), SAP, InfoMEC.

Each takes arrays and returns plain numbers in [0, 1]; 1 means that every factor has a dimension of its
own. None depends on the order of dimensions or factors. A constant factor is ignored: nothing can be learned about it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from backend.interpret.encoded import Flags, Floats, Integers
from backend.interpret.grouping import reduce_groups
from backend.interpret.information import BinnedFrames, bin_count, discretise

TREES = 10
LEAF_FRAMES = 20
LASSO_PENALTY = 0.02
MIN_SCORE = 0.05  # R2 below which a probe does not predict its factor


def nmi_matrix(latent: Floats, factors: Floats) -> Floats:
    """Share of each factor's entropy that each latent explains: (N, Z), (N, F) -> (Z, F); not adjusted for chance."""
    bins = bin_count(len(latent))
    return BinnedFrames(codes(latent, bins), codes(factors, bins), bins).nmi()


def codes(series: Floats, bins: int) -> Integers:
    """Equal-frequency codes of each column: (N, K) -> (N, K)."""
    columns = [discretise(column, bins) for column in series.T]
    return np.stack(columns, axis=1) if columns else np.zeros(series.shape, np.int64)


def varying(factors: Floats) -> Flags:
    """Which factors are not constant: (F,) bool."""
    return np.asarray(np.ptp(factors, axis=0) > 1e-9) if len(factors) else np.zeros(factors.shape[1], bool)


def mig(nmi: Floats) -> float:
    """Mutual information gap (Chen et al. 2018): mean over factors of best minus second latent, from (Z, F) NMI."""
    return float(np.mean(_gaps(nmi))) if nmi.size else 0.0


def sap(latent: Floats, factors: Floats, names: Sequence[str]) -> float:
    """Separated attribute predictability (Kumar et al. 2018): gap of R2 between the two best single latents."""
    selected = varying(factors)
    if not selected.any():
        return 0.0
    gaps = _gaps(_correlation(latent, factors[:, selected]) ** 2)
    return float(reduce_groups(gaps[None], _names(names, selected), how="mean").mean())


def infomec(nmi: Floats) -> tuple[float, float]:
    """InfoM (modularity) and InfoC (compactness) of Hsu et al. 2023 from (Z, F) NMI in which chance counts as zero.

    Latents without information on any factor are pruned from InfoM, as its authors prune inactive ones; a factor that
    no latent knows counts 0 in InfoC.
    """
    latents, factors = nmi.shape
    if not (nmi > 0).any():
        return 0.0, 0.0
    modular = [_share(row, factors) for row in nmi if row.max() > 0]
    compact = [_share(column, latents) for column in nmi.T]
    return float(np.mean(modular)), float(np.mean(compact))


@dataclass(frozen=True)
class Probe:
    """The result of one probe per factor: importance (Z, F) of each latent, and R2 (F,) on held-out episodes."""

    importance: Floats
    score: Floats
    names: tuple[str, ...]


def tree_probe(latent: Floats, factors: Floats, names: Sequence[str], episode: Integers, seed: int) -> Probe:
    """Extremely randomised trees from all latents to each factor."""
    from sklearn.ensemble import ExtraTreesRegressor  # loads pandas too, so only when needed

    def fit(inputs: Floats, target: Floats) -> tuple[Floats, Callable[[Floats], Floats]]:
        leaf = _leaf_frames(len(inputs))
        forest = ExtraTreesRegressor(TREES, min_samples_leaf=leaf, max_features=1.0, random_state=seed)  # type: ignore[no-untyped-call]  # no stubs
        forest.fit(inputs, target)
        return forest.feature_importances_, forest.predict

    return _probe(latent, factors, names, episode, fit)


def lasso_probe(latent: Floats, factors: Floats, names: Sequence[str], episode: Integers) -> Probe:
    """Sparse linear regression from all latents to each factor; importance is |coefficient|."""
    from sklearn.linear_model import Lasso  # loads pandas too, so only when needed

    def fit(inputs: Floats, target: Floats) -> tuple[Floats, Callable[[Floats], Floats]]:
        line = Lasso(LASSO_PENALTY, max_iter=10_000)  # type: ignore[no-untyped-call]  # no stubs
        line.fit(inputs, target)
        return np.abs(line.coef_), line.predict

    return _probe(latent, factors, names, episode, fit)


def linear_probe(latent: Floats, factors: Floats, names: Sequence[str], episode: Integers) -> Probe:
    """Least squares with a little ridge; its held-out R2, floored at 0, is the explicitness InfoE."""

    def fit(inputs: Floats, target: Floats) -> tuple[Floats, Callable[[Floats], Floats]]:
        design = np.c_[inputs, np.ones(len(inputs))]
        weights = np.linalg.solve(design.T @ design + 1e-3 * np.eye(design.shape[1]), design.T @ target)
        return np.abs(weights[:-1]), lambda unseen: np.asarray(np.c_[unseen, np.ones(len(unseen))] @ weights)

    return _probe(latent, factors, names, episode, fit)


def dci(probe: Probe) -> tuple[float, float, float]:
    """Disentanglement, completeness, informativeness (Eastwood and Williams 2018) of a probe.

    A probe that predicts nothing on unseen episodes may still give all its importance to a coincidence: for such a
    factor every dimension counts alike.
    """
    if not probe.score.size:
        return 0.0, 0.0, 0.0
    total = probe.importance.sum(axis=0)
    known = (probe.score >= MIN_SCORE) & (total > 0)
    shares = probe.importance / np.where(known, total, 1)
    importance = reduce_groups(np.where(known, shares, 1 / len(shares)), probe.names, how="mean")
    disentanglement = _one_minus_entropy(importance)
    completeness = _one_minus_entropy(importance.T)
    return disentanglement, completeness, _group_mean(probe)


def explicitness(probe: Probe) -> float:
    """InfoE: how much of the factors a linear map of all latents predicts, on held-out episodes."""
    return _group_mean(probe)


def _probe(
    latent: Floats,
    factors: Floats,
    names: Sequence[str],
    episode: Integers,
    fit: Callable[[Floats, Floats], tuple[Floats, Callable[[Floats], Floats]]],
) -> Probe:
    selected = np.flatnonzero(varying(factors))
    test = held_out(episode)
    inputs, targets = standardise(latent), standardise(factors)
    importance, score = np.zeros((latent.shape[1], len(selected))), np.zeros(len(selected))
    for column, factor in enumerate(selected):
        target = targets[:, factor]
        importance[:, column], predict = fit(inputs[~test], target[~test])
        residual = np.mean((predict(inputs[test]) - target[test]) ** 2)
        score[column] = np.clip(1 - residual / max(float(target[test].var()), 1e-9), 0, 1)
    return Probe(importance, score, tuple(_names(names, varying(factors))))


def held_out(episode: Integers) -> Flags:
    """Every fourth episode; with fewer than four, the last quarter of the frames: (N,)."""
    numbers = np.unique(episode)
    if len(numbers) < 4:
        return np.asarray(np.arange(len(episode)) >= len(episode) * 3 // 4)
    return np.isin(episode, numbers[3::4])


def _leaf_frames(frames: int) -> int:
    return int(np.clip(frames // 50, 2, LEAF_FRAMES))


def standardise(values: Floats) -> Floats:
    """Columns of mean 0 and deviation 1; a constant column becomes 0: (N, K) -> (N, K)."""
    spread = values.std(axis=0)
    return np.asarray((values - values.mean(axis=0)) / np.where(spread > 1e-9, spread, 1))


def _correlation(latent: Floats, factors: Floats) -> Floats:
    return np.asarray(standardise(latent).T @ standardise(factors) / len(latent))


def _gaps(matrix: Floats) -> Floats:
    """Largest minus second largest of each column: (Z, F) -> (F,)."""
    ordered = np.sort(matrix, axis=0)
    return np.asarray(ordered[-1] - (ordered[-2] if len(ordered) > 1 else 0))


def _share(values: Floats, count: int) -> float:
    """The largest entry's share of the sum, 0 when all are equal or zero, 1 when it is the only one."""
    if values.max() <= 0:
        return 0.0
    return 1.0 if count == 1 else float((values.max() / values.sum() - 1 / count) / (1 - 1 / count))


def _one_minus_entropy(importance: Floats) -> float:
    """Mean over rows of 1 - H(row) / max H, weighted by each row's share of importance."""
    if importance.shape[1] == 1:
        return 1.0
    totals = importance.sum(axis=1)
    shares = importance / np.where(totals > 0, totals, 1)[:, None]
    logs = np.log(np.where(shares > 0, shares, 1))
    certainty = 1 + (shares * logs).sum(axis=1) / np.log(importance.shape[1])
    return float((certainty * totals).sum() / totals.sum())


def _group_mean(probe: Probe) -> float:
    return float(reduce_groups(probe.score[None], probe.names, how="mean").mean()) if probe.score.size else 0.0


def _names(names: Sequence[str], selected: Flags) -> list[str]:
    return [name for name, keep in zip(names, selected, strict=True) if keep]
