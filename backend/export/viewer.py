"""A traversal as one HTML file that opens from disk without a network and uses the page's own modules."""

import base64
import html
import io
import json
from importlib import resources
from typing import Any

from PIL import Image

from backend.export.captions import base_text, range_text
from backend.export.figure import FULL_KL
from backend.export.layout import BASES
from backend.export.page_script import viewer_script
from backend.interpret.view import Mark, Picture, TraversalView, tile

KEYS = "Move over a row, or press ? for keys."


def render_viewer(view: TraversalView) -> bytes:
    """The page with the view's cells, names and values inside it; equal views give equal bytes."""
    data = {
        "cell": view.images.shape[2],
        "columns": view.values.shape[1],
        "full_kl": FULL_KL,
        "unit": view.unit,
        "frame": BASES[view.request.base],
        "rows": [_row(view, row) for row in range(len(view.dims))],
        "settings": json.loads(view.settings),
        "atlas": data_uri(tile(view.images), "webp"),
    }
    parts = {
        "@@TITLE@@": html.escape(f"Latent traversal, {view.checkpoint_name}"),
        "@@CAPTION@@": html.escape(f"{base_text(view)}; {range_text(view)}. {_words_of_band(view)}{KEYS}"),
        "@@ORIGINAL@@": data_uri(view.original, "png"),
        "@@RECONSTRUCTION@@": data_uri(view.reconstruction, "png"),
        "@@SCRIPT@@": viewer_script(),
        "@@DATA@@": json.dumps(data, sort_keys=True).replace("<", "\\u003c"),
    }
    page = resources.files("backend.export").joinpath("viewer.html").read_text("utf-8")
    for mark, text in parts.items():
        page = page.replace(mark, text)
    return page.encode("utf-8")


def _row(view: TraversalView, row: int) -> dict[str, Any]:
    """A row of the page; its values are in σ of the data, and so is the frame's own, with its place among them."""
    held = view.held(row)
    return {
        "title": view.labels[row].caption,
        "kl": round(float(view.kl[row]), 4),
        "sigmas": [round(float(value), 4) for value in view.sigmas[row]],
        "frame": _place(view.mark(row)),
        "held": None if held is None else _place(held),
        **({} if view.doubt is None else {"doubt": [round(float(times), 3) for times in view.doubt[row]]}),
    }


def _words_of_band(view: TraversalView) -> str:
    """The text about the band under each row, if the model has one."""
    if view.doubt is None:
        return ""
    return "The darker the band under a row, the more the model's ensemble disagrees about what follows. "


def _place(mark: Mark) -> dict[str, float]:
    return {"sigma": round(mark.sigma, 4), "column": round(mark.column, 4)}


def data_uri(picture: Picture, format: str) -> str:
    """A picture as a data URI, without loss: `format` is png, or webp, which is smaller."""
    buffer = io.BytesIO()
    options = {"lossless": True, "method": 3} if format == "webp" else {}
    Image.fromarray(picture).save(buffer, format, **options)
    return f"data:image/{format};base64,{base64.b64encode(buffer.getvalue()).decode()}"
