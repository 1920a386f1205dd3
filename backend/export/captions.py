"""What figures, captions and tables say of a view in words."""

import numpy as np

from backend.interpret.view import TraversalView
from models.traversal import MIN_HALF

_RANGES = {
    "sigma": "mean ± {reach:g} SD of the aggregate posterior",
    "fixed": "0 ± {reach:g}",
    "quantile": "central {reach:g} % of the aggregate posterior",
    "minmax": "least to greatest value seen",
    "offset": "value of the frame ± {reach:g}",
}


def base_text(view: TraversalView) -> str:
    """Which frame everything starts from."""
    request = view.request
    history = "with history" if request.history else "without history"
    if request.base == "prior":
        return "base: mean of the prior"
    if request.base == "picture":
        before = f"after {view.seen_before} before it" if view.seen_before else "without history"
        return f"base: {view.base or 'a picture'}, {before}"
    of = f" of {view.base}" if view.base else ""
    return f"base: episode {request.episode}, frame {request.frame}{of}, {history}"


def range_text(view: TraversalView) -> str:
    """Over which values each row goes."""
    edits = "".join(f", dim {dim} set to {value:g}" for dim, value in sorted(view.request.edits.items()))
    further = ", further where the frame lies near an end" if _goes_further(view) else ""
    return f"range: {_RANGES[view.request.mode].format(reach=view.request.reach)}{further}{edits}"


def caption_text(view: TraversalView) -> str:
    """A caption for a paper, in plain text."""
    rows = "; ".join(label.caption for label in view.labels)
    inactive = len(view.inactive)
    hidden = f" {inactive} inactive dimension{'s are' if inactive != 1 else ' is'} not shown." if inactive else ""
    return (
        f"Latent traversal of {view.checkpoint_name}. Each row changes one latent dimension and keeps all others; the "
        f"boxed column is the frame itself ({base_text(view).removeprefix('base: ')}). Values are printed below; "
        f"{range_text(view)}. Rows by KL to the prior: {rows}.{hidden}"
    )


def _goes_further(view: TraversalView) -> bool:
    """Whether a row leaves its range: see `models.traversal.row_values`."""
    halves = np.diff(view.values[:, [0, view.values.shape[1] // 2, -1]], axis=1)
    return bool((halves.min(axis=1) < 0.999 * MIN_HALF / (1 - MIN_HALF) * halves.max(axis=1)).any())
