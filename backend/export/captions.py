"""What figures, captions and tables say of a view in words."""

from backend.interpret.view import TraversalView

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
        return f"base: a picture, {history}"
    return f"base: episode {request.episode}, frame {request.frame}, {history}"


def range_text(view: TraversalView) -> str:
    """Over which values each row goes."""
    edits = "".join(f", dim {dim} set to {value:g}" for dim, value in sorted(view.request.edits.items()))
    return f"range: {_RANGES[view.request.mode].format(reach=view.request.reach)}{edits}"


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
