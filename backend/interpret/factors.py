"""What each latent dimension means: its best factor, how sure that is, and the metrics of the whole latent."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from backend.interpret.encoded import EncodedFrames, Floats
from backend.interpret.grouping import group_of, human_name
from backend.interpret.information import neighbour_information
from backend.interpret.metrics import varying
from backend.interpret.nulls import Association, associate
from backend.interpret.request import ViewError
from backend.interpret.resample import constant_per_episode
from backend.interpret.scores import score

Progress = Callable[[float, str], None]

NAMED_MARGIN = 0.1
MAX_FRAMES = 20_000
MOST_DIMENSIONS = 256
ENOUGH_FRAMES, ENOUGH_EPISODES = 5_000, 20
SCATTER_POINTS = 200
_BEST = ("dim", "name", "status", "factor", "nmi", "interval", "null")
_SECOND = ("second_factor", "second_nmi", "second_interval")


def analyse(encoded: EncodedFrames, *, seed: int = 0, progress: Progress | None = None) -> dict[str, Any]:
    """The whole answer for a checkpoint, ready for JSON (`factors.json`); the same seed gives the same numbers.

    Per dimension the best factor by NMI (adjusted for chance: 0 at the mean of the null, 1 when the factor is
    known), a 95% interval by resampling episodes, the null to clear, and a status: `named` when the best factor
    clears the null and leads the next different factor by 0.1 or more, `mixed` when it clears the null only,
    `unnamed` when none does, `inactive` when the dimension carries no information at all. Raises ViewError for a
    baseline's embedding, which has no latents.

    `refused` names the factors that cannot be identified from so few episodes; they are in no other part of the answer.
    """
    if encoded.mean.shape[1] > MOST_DIMENSIONS:
        message = f"has an embedding of {encoded.mean.shape[1]:,} numbers and no latents: there is nothing to name"
        raise ViewError("checkpoint", message)
    report = progress or _silent
    frames, refused = _measurable(_thin(encoded))
    association = associate(frames, seed, lambda done, phase: report(0.6 * done, phase))
    report(0.6, "naming dimensions")
    dimensions = [_dimension(frames, association, dim, seed) for dim in range(frames.mean.shape[1])]
    report(0.65, "metrics")
    metrics = score(frames, association, seed, lambda done, phase: report(0.65 + 0.35 * done, phase))
    report(1.0, "done")
    return {
        "dimensions": dimensions,
        "factor_names": list(frames.factor_names),
        "nmi": _rounded(association.nmi),
        "null": _rounded(association.threshold),
        "nmi_unadjusted": _rounded(association.raw),
        "metrics": metrics,
        "frames": len(frames.mean),
        "episodes": len(np.unique(frames.episode)),
        "seed": seed,
        "guessed": frames.guessed,
        "refused": refused,
        "warnings": _warnings(frames, association, refused),
    }


def name_dimensions(encoded: EncodedFrames, seed: int = 0) -> list[str | None]:
    """What `analyse` calls each dimension, without intervals and metrics."""
    frames, _ = _measurable(encoded)
    association = associate(frames, seed, _silent)
    return [_dimension(frames, association, dim, seed)["name"] for dim in range(frames.mean.shape[1])]


def named_count(factors: dict[str, Any]) -> int:
    """The number of dimensions whose status is `named`."""
    return sum(entry["status"] == "named" for entry in factors["dimensions"])


def intervals_of(factors: Mapping[str, Any]) -> dict[str, Any]:
    """Of each dimension its best and second factor with the intervals, and what chance alone would give.

    {"dimensions": [{"dim", "name", "status", "factor", "nmi", "interval", "null", "second_factor", "second_nmi",
    "second_interval"}], "frames", "episodes", "seed"}; no dimensions where no factor varies.
    """
    known = [entry for entry in factors["dimensions"] if entry["nmi"] is not None]
    return {
        "dimensions": [{key: entry[key] for key in (*_BEST, *_SECOND)} for entry in known],
        **{key: factors[key] for key in ("frames", "episodes", "seed")},
    }


def _dimension(frames: EncodedFrames, association: Association, dim: int, seed: int) -> dict[str, Any]:
    kl, std = float(frames.kl[dim]), float(frames.mean[:, dim].std())
    best = _best_factor(association, dim)
    entry: dict[str, Any] = {"dim": dim, "kl": round(kl, 4), "std": round(std, 4), "status": "unnamed", "name": None}
    if best is None:
        blank = dict.fromkeys(("factor", "nmi", "margin", "interval", "null", "sign", "spearman", "mutual_information"))
        status = "unnamed" if frames.active[dim] else "inactive"
        return {**entry, "status": status, **blank, "second_factor": None, "second_nmi": None, "second_interval": None}
    second = _next_factor(association, dim, best)
    nmi = float(association.nmi[dim, best])
    second_nmi = float(association.nmi[dim, second]) if second is not None else 0.0
    clears = nmi > association.threshold[dim, best]
    status = _status(bool(frames.active[dim]), bool(clears), nmi - second_nmi)
    latent, factor = frames.mean[:, dim], frames.factors[:, best]
    spearman = _spearman(latent, factor)
    names = frames.factor_names
    return {
        **entry,
        "status": status,
        "name": human_name(names[best]) if status == "named" else None,
        "factor": names[best],
        "nmi": round(nmi, 4),
        "margin": round(nmi - second_nmi, 4),
        "interval": [round(edge, 4) for edge in association.interval(dim, best)],
        "null": round(float(association.threshold[dim, best]), 4),
        "sign": int(np.sign(spearman)) if abs(spearman) >= 0.1 else 0,
        "spearman": round(spearman, 4),
        "mutual_information": round(neighbour_information(*_few(latent, factor), seed), 4),
        "second_factor": names[second] if second is not None else None,
        "second_nmi": round(second_nmi, 4) if second is not None else None,
        "second_interval": [round(edge, 4) for edge in association.interval(dim, second)]
        if second is not None
        else None,
        "scatter": _scatter(latent, factor),
    }


def _status(active: bool, clears: bool, margin: float) -> str:
    if not active:
        return "inactive"
    if not clears:
        return "unnamed"
    return "named" if margin >= NAMED_MARGIN else "mixed"


def _best_factor(association: Association, dim: int) -> int | None:
    """The factor of highest NMI among those that clear their null; among all where none does."""
    if not association.varying.any():
        return None
    nmi = np.where(association.varying, association.nmi[dim], -1)
    clears = nmi > association.threshold[dim]
    return int(np.argmax(np.where(clears, nmi, -1) if clears.any() else nmi))


def _next_factor(association: Association, dim: int, best: int) -> int | None:
    """The best factor of another group, so that the cosine of an angle does not compete with its sine."""
    names = association.factor_names
    others = [
        column for column in np.flatnonzero(association.varying) if group_of(names[column]) != group_of(names[best])
    ]
    return int(max(others, key=lambda column: association.nmi[dim, column])) if others else None


def _spearman(latent: Floats, factor: Floats) -> float:
    from scipy.stats import rankdata  # loads half of scipy, so only when needed

    ranks = np.corrcoef(rankdata(latent), rankdata(factor))[0, 1] if np.ptp(latent) > 0 else 0.0
    return float(np.nan_to_num(ranks))


def _thin(encoded: EncodedFrames) -> EncodedFrames:
    """At most 20,000 frames, evenly taken."""
    step = -(-len(encoded.mean) // MAX_FRAMES)
    return encoded if step == 1 else encoded.take(np.arange(0, len(encoded.mean), step))


def _measurable(frames: EncodedFrames) -> tuple[EncodedFrames, list[str]]:
    """The frames with the factors that can be identified from them, and the names of the others.

    A factor with one value per episode has as many values as there are episodes. With few episodes, any latent that
    distinguishes episodes also determines it, so below 20 episodes it is left out.
    """
    if len(np.unique(frames.episode)) >= ENOUGH_EPISODES:
        return frames, []
    constant = constant_per_episode(frames.factors, frames.episode) & varying(frames.factors)
    refused = [name for name, left_out in zip(frames.factor_names, constant, strict=True) if left_out]
    return frames.of_factors(np.flatnonzero(~constant)), refused


def _few(latent: Floats, factor: Floats) -> tuple[Floats, Floats]:
    step = max(1, len(latent) // ENOUGH_FRAMES)
    return latent[::step], factor[::step]


def _scatter(latent: Floats, factor: Floats) -> dict[str, list[float]]:
    """A few hundred frames of latent against factor, for a scatter plot."""
    chosen = np.linspace(0, len(latent) - 1, min(SCATTER_POINTS, len(latent))).astype(int)
    return {"latent": _rounded(latent[chosen]), "factor": _rounded(factor[chosen])}


def _warnings(frames: EncodedFrames, association: Association, refused: list[str]) -> list[str]:
    episodes = len(np.unique(frames.episode))
    notes = []
    if len(frames.mean) < ENOUGH_FRAMES or episodes < ENOUGH_EPISODES:
        notes.append(
            f"{len(frames.mean):,} frames of {episodes} episodes: intervals are wide below {ENOUGH_FRAMES:,} frames "
            f"or {ENOUGH_EPISODES} episodes"
        )
    if refused:
        notes.append(
            f"cannot be identified from {episodes} episodes: {', '.join(refused)}; "
            f"a factor with one value per episode needs {ENOUGH_EPISODES} episodes or more"
        )
    constant = [name for name, varies in zip(frames.factor_names, association.varying, strict=True) if not varies]
    if constant:
        notes.append(f"ignored, constant in these frames: {', '.join(constant)}")
    if frames.guessed:
        notes.append("factors are image statistics: names are guesses")
    return notes


def _rounded(values: Floats) -> Any:
    return np.round(values.astype(np.float64), 4).tolist()


def _silent(_done: float, _phase: str) -> None:
    return None
