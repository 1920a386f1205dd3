"""The words that figures, captions and tables use about a view."""

from backend.export.options import signed
from backend.interpret.view import CLASS_UNIT, TraversalView

_RANGES = {
    "sigma": "mean ± {reach:g} σ of the data",
    "fixed": "latent 0 ± {reach:g}",
    "quantile": "central {reach:g} % of the data",
    "minmax": "least to greatest value of the data",
    "offset": "latent of the frame ± {reach:g}",
}


def number_text(view: TraversalView, value: float, digits: int) -> str:
    """A value as the view shows it, without its unit: +0.24 of σ, 17 of classes."""
    return f"{value:.0f}" if view.classes else signed(value, digits)


def value_text(view: TraversalView, value: float, digits: int) -> str:
    """The same with its unit: `+0.24 σ`, `class 17`."""
    number = number_text(view, value, digits)
    return f"{CLASS_UNIT} {number}" if view.classes else f"{number} σ"


def base_text(view: TraversalView) -> str:
    """Which frame everything starts from."""
    request = view.request
    if request.base in ("clip", "dataset") and not view.remembers:
        return f"base: episode {request.episode}, frame {request.frame}{f' of {view.base}' if view.base else ''}"
    history = "with history" if request.history else "without history"
    if request.frame == 0:
        history = "first frame: no history"
    if request.base == "prior":
        return "base: mean of the prior"
    if request.base == "picture":
        before = f"after {view.seen_before} before it" if view.seen_before else "no history"
        return f"base: {view.base or 'a picture'}, {before}"
    of = f" of {view.base}" if view.base else ""
    return f"base: episode {request.episode}, frame {request.frame}{of}, {history}"


def range_text(view: TraversalView) -> str:
    """The range of values of each row."""
    edits = "".join(
        f", dim {dim} held at {value_text(view, view.sigma(dim, value), 2)}"
        for dim, value in sorted(view.request.edits.items())
    )
    if view.classes:
        return f"range: the classes of most frames{edits}"
    return f"range: {_RANGES[view.request.mode].format(reach=view.request.reach)}, equal steps{edits}"


def caption_text(view: TraversalView) -> str:
    """A caption for a paper, in plain text."""
    rows = "; ".join(label.caption for label in view.labels)
    inactive = len(view.inactive)
    hidden = f" {inactive} inactive dimension{'s are' if inactive != 1 else ' is'} not shown." if inactive else ""
    return (
        f"Latent traversal of {view.checkpoint_name}. Each row changes one latent dimension{_steps(view)} and keeps "
        f"all others; triangles mark the values of the frame itself ({base_text(view).removeprefix('base: ')}). Values "
        f"are {_unit(view)}; {range_text(view)}. Rows by KL to the prior: {rows}.{hidden}"
    )


def _steps(view: TraversalView) -> str:
    return ", which is one of several classes," if view.classes else " in equal steps"


def _unit(view: TraversalView) -> str:
    return "numbers of classes" if view.classes else "in σ, the standard deviation of the dimension over the data"


def texts_of(view: TraversalView) -> tuple[str, ...]:
    """The text in a figure of the view that users may have written, such as names."""
    return (view.checkpoint_name, view.base or "", *(label.caption for label in view.labels))
