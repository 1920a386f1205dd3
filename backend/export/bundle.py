"""The paper bundle: one zip with everything that a paper, a talk and a reviewer need."""

import io
import json
import zipfile
from dataclasses import asdict
from importlib.metadata import version

import numpy as np
from PIL import Image

from backend.export.animation import encode, film_of
from backend.export.captions import caption_text
from backend.export.command import command_line
from backend.export.figure import render_figure
from backend.export.film import Film
from backend.export.latex import figure_tex
from backend.export.names import bundle_name
from backend.export.options import FIGURE_FORMATS, ExportOptions
from backend.export.tables import npz, traversal_csv
from backend.export.viewer import render_viewer
from backend.interpret.view import TraversalView

EPOCH = (1980, 1, 1, 0, 0, 0)  # zip files know no earlier date; a real one would make equal bundles differ
FILMS = ("gif", "mp4", "webm")
LIBRARIES = ("numpy", "torch", "matplotlib", "pillow", "av")


def build_bundle(view: TraversalView, options: ExportOptions) -> bytes:
    """Figure, films, numbered frames, tables, LaTeX, interactive page, settings; equal views give equal bytes.

    Raises ViewError.
    """
    options.check()
    command = command_line("traverse", view.checkpoint_name, view.request, "zip", options)
    film = film_of(view, options)
    files: dict[str, bytes] = {f"traversal.{format}": render_figure(view, format, options) for format in FIGURE_FORMATS}
    files |= {f"traversal.{format}": encode(film, format, options) for format in FILMS}
    files |= _frames(film)
    files |= {
        "values.csv": traversal_csv(view),
        "latents.npz": _latents(view),
        "figure.tex": figure_tex(view, options.width).encode(),
        "caption.txt": (caption_text(view) + "\n").encode(),
        "interactive.html": render_viewer(view),
        "provenance.json": _provenance(view, options, command),
        "README.txt": _readme(view, command).encode(),
    }
    return _zip(files, bundle_name(view).removesuffix(".zip"))


def _frames(film: Film) -> dict[str, bytes]:
    """frames/000.png and on, each once, in the order of the values."""
    files = {}
    for number, frame in enumerate(film.drawn):
        buffer = io.BytesIO()
        Image.fromarray(frame).save(buffer, "PNG", compress_level=4)
        files[f"frames/{number:03d}.png"] = buffer.getvalue()
    return files


def _latents(view: TraversalView) -> bytes:
    """The latent of the base and of every cell: base (Z,), cells (R, N, Z), dims (R,), values (R, N)."""
    cells = np.broadcast_to(view.reference, (*view.values.shape, len(view.reference))).copy()
    for row, dim in enumerate(view.dims):
        cells[row, :, dim] = view.values[row]
    return npz(base=view.reference, cells=cells, dims=np.array(view.dims), values=view.values)


def _provenance(view: TraversalView, options: ExportOptions, command: str) -> bytes:
    record = {
        "checkpoint": view.provenance,
        "view": view.request.to_json(),
        "export": asdict(options),
        "command": command,
        "libraries": {name: version(name) for name in LIBRARIES},
        "dimensions": [
            {"dim": label.dim, "name": label.short, "source": label.source, "factor": label.factor, "nmi": label.nmi}
            for label in view.labels
        ],
    }
    return (json.dumps(record, indent=1, sort_keys=True, default=str) + "\n").encode()


def _readme(view: TraversalView, command: str) -> str:
    return f"""Latent traversal of {view.checkpoint_name}

traversal.pdf .svg .png  the figure: pdf for LaTeX, svg for slides, png for everything else
figure.tex, caption.txt  the figure in LaTeX (compiles as it is) and its caption
traversal.gif .mp4 .webm the film; mp4 and webm keep full colour resolution (4:4:4)
frames/                  the film's frames, numbered
interactive.html         opens in any browser, without a network; press ? for keys
values.csv, latents.npz  the numbers: values per row and column, and the latent of every cell
provenance.json          checkpoint, hash of its weights, seed, versions, view and export settings

Made by:
  {command}
"""


def _zip(files: dict[str, bytes], folder: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(f"{folder}/{name}", EPOCH)
            packed = name.endswith((".csv", ".tex", ".txt", ".json", ".html", ".svg", ".pdf"))
            entry.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()
