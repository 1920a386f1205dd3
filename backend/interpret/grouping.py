"""Factors that describe one thing (the sine and cosine of one angle) and what to call them."""

from collections.abc import Callable, Sequence

import numpy as np

from backend.interpret.encoded import Floats

_PARTS = ("sin", "cos")
_REDUCTIONS: dict[str, Callable[..., Floats]] = {"max": np.max, "mean": np.mean, "sum": np.sum}


def group_of(factor: str) -> str:
    """`pole_angle_sin` and `pole_angle_cos` -> `pole_angle`; any other factor is its own group."""
    words = factor.split("_")
    if len(words) > 1 and words[-1] in _PARTS:
        return "_".join(words[:-1])
    if len(words) > 1 and words[0] in _PARTS:
        return "_".join(words[1:])
    return factor


def groups_of(factors: Sequence[str]) -> tuple[str, ...]:
    """The groups of these factors without repetition, in the order of their first member."""
    return tuple(dict.fromkeys(group_of(factor) for factor in factors))


def human_name(factor: str) -> str:
    """The readable name of a factor: `hip_angle_sin` -> `hip angle`."""
    return group_of(factor).replace("_", " ").strip()


def reduce_groups(matrix: Floats, factors: Sequence[str], *, how: str = "max") -> Floats:
    """Merges the columns of each group by their `max`, `mean` or `sum`: (..., F) -> (..., G)."""
    reduce = _REDUCTIONS[how]
    labels = np.array([group_of(factor) for factor in factors])
    columns = [reduce(matrix[..., labels == group], axis=-1) for group in groups_of(factors)]
    return np.stack(columns, axis=-1) if columns else np.zeros((*matrix.shape[:-1], 0))
