"""A traversal as one HTML file that opens from disk, without a network, and can be scrubbed."""

import base64
import html
import io
import json
from importlib import resources

from PIL import Image

from backend.export.captions import base_text, range_text
from backend.interpret.view import Picture, TraversalView, tile


def render_viewer(view: TraversalView) -> bytes:
    """The page with the view's cells, names and values inside it; equal views give equal bytes."""
    data = {
        "cell": view.images.shape[2],
        "columns": view.values.shape[1],
        "largest_kl": float(view.kl.max()),
        "rows": [
            {"caption": label.caption, "kl": round(float(kl), 4), "values": [round(float(v), 4) for v in values]}
            for label, kl, values in zip(view.labels, view.kl, view.values, strict=True)
        ],
        "settings": json.loads(view.settings),
        "atlas": data_uri(tile(view.images), "webp"),
    }
    parts = {
        "@@TITLE@@": html.escape(f"Latent traversal, {view.checkpoint_name}"),
        "@@CAPTION@@": html.escape(f"{base_text(view)}; {range_text(view)}. Move over a row, or press ? for keys."),
        "@@ORIGINAL@@": data_uri(view.original, "png"),
        "@@RECONSTRUCTION@@": data_uri(view.reconstruction, "png"),
        "@@DATA@@": json.dumps(data, sort_keys=True).replace("<", "\\u003c"),
    }
    page = resources.files("backend.export").joinpath("viewer.html").read_text("utf-8")
    for mark, text in parts.items():
        page = page.replace(mark, text)
    return page.encode("utf-8")


def data_uri(picture: Picture, format: str) -> str:
    """A picture inside a page, without loss: PNG, or the smaller WebP."""
    buffer = io.BytesIO()
    options = {"lossless": True, "method": 3} if format == "webp" else {}
    Image.fromarray(picture).save(buffer, format, **options)
    return f"data:image/{format};base64,{base64.b64encode(buffer.getvalue()).decode()}"
