"""A traversal as a figure for a paper: vector text over pixel-exact cells, at one of three widths."""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from backend.export.layout import LINE, MARGIN, NARROW, RECONSTRUCTION, SIZE, SMALL, Layout
from backend.export.options import FIGURE_FORMATS, ExportOptions, check_format, signed
from backend.export.typography import font, shorten
from backend.interpret.view import Picture, TraversalView

INK, GREY, BAR = "#111111", "#5f5f5f", "#9db4cf"
BASES = {"clip": "frame", "dataset": "frame", "picture": "picture", "prior": "prior mean"}
_drawing = threading.Lock()  # matplotlib's settings and font caches belong to the whole process


def render_figure(view: TraversalView, format: str, *, width: float = 5.5, footprint: bool = True) -> bytes:
    """The figure as png, svg or pdf; equal views give equal bytes. Raises ViewError.

    `footprint` adds the heat map of where each row changes, where the width leaves room for it.
    """
    check_format(format, FIGURE_FORMATS)
    ExportOptions(width=width).check()
    layout = Layout(view, width, footprint and width >= NARROW)
    with drawing():
        figure, axes = blank(layout.width, layout.height, layout.dpi)
        _draw_head(axes, layout)
        for row in range(layout.rows):
            _draw_label(axes, layout, row)
            _draw_row(axes, layout, row)
        _draw_reference(axes, layout)
        return write(figure, format, f"Latent traversal, {view.checkpoint_name}", view.settings)


@contextmanager
def drawing() -> Iterator[None]:
    """One drawing at a time, with fonts embedded in PDF, outlined in SVG, and no random ids."""
    with _drawing, matplotlib.rc_context({"pdf.fonttype": 42, "svg.fonttype": "path", "svg.hashsalt": "diswm"}):
        yield


def blank(width: float, height: float, dpi: float) -> tuple[Figure, Axes]:
    """White paper, measured in inches from the upper left corner."""
    figure = Figure(figsize=(width, height), dpi=dpi, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    return figure, axes


def write(figure: Figure, format: str, title: str, settings: str) -> bytes:
    """A drawn figure as bytes that carry the view's settings and no date."""
    canvas: Any = {"png": FigureCanvasAgg, "svg": FigureCanvasSVG, "pdf": FigureCanvasPdf}[format](figure)
    texts: dict[str, dict[str, str | None]] = {
        "png": {"Software": "DisWM Studio", "Title": title, "diswm": settings},
        "svg": {"Creator": "DisWM Studio", "Title": title, "Description": settings, "Date": None},
        "pdf": {"Creator": "DisWM Studio", "Title": title, "Subject": settings, "CreationDate": None},
    }
    buffer = io.BytesIO()
    getattr(canvas, f"print_{format}")(buffer, metadata=texts[format])
    return buffer.getvalue()


def put_picture(axes: Axes, picture: Picture, left: float, top: float, width: float, height: float) -> None:
    """A picture whose pixels stay pixels."""
    extent = (left, left + width, top + height, top)
    axes.imshow(picture, extent=extent, interpolation="none", aspect="auto", zorder=2)


def put_text(
    axes: Axes,
    x: float,
    y: float,
    text: str,
    color: str = INK,
    *,
    size: float = SMALL,
    ha: str = "left",
    va: str = "center",
) -> None:
    """A line of text."""
    axes.text(x, y, text, color=color, ha=ha, va=va, fontproperties=font(size))


def heat_map(change: np.ndarray[Any, np.dtype[np.float32]], largest: float) -> Picture:
    """Change (H, W) as colours (H, W, 3), on one scale for the whole figure."""
    colours = matplotlib.colormaps["magma"](np.clip(change / max(largest, 1e-9), 0, 1), bytes=True)
    return np.ascontiguousarray(colours[..., :3])


def _draw_head(axes: Axes, layout: Layout) -> None:
    view, side = layout.view, layout.head_cell
    for place, (picture, name) in enumerate(((view.original, "original"), (view.reconstruction, RECONSTRUCTION))):
        middle = MARGIN + (place + 0.5) * layout.head_column
        put_picture(axes, picture, middle - side / 2, MARGIN, side, side)
        put_text(axes, middle, MARGIN + side + 0.02, name, ha="center", va="top")
    for line, (text, title) in enumerate(layout.head_lines):
        put_text(axes, layout.head_left, MARGIN + line * LINE, text, INK if title else GREY, va="top")
    if layout.narrow:
        return
    above = layout.grid_top - 0.03
    put_text(axes, layout.bar_left, above, "KL", GREY, va="bottom")
    centre = layout.column(layout.columns // 2) + layout.cell / 2
    put_text(axes, centre, above, BASES[view.request.base], ha="center", va="bottom")
    if layout.footprint:
        put_text(axes, layout.footprint_left + layout.cell / 2, above, "change", GREY, ha="center", va="bottom")


def _draw_label(axes: Axes, layout: Layout, row: int) -> None:
    """Name and KL bar, beside the row or above it."""
    kl = layout.view.kl
    length = layout.bar_width * float(kl[row]) / max(float(kl.max()), 1e-9)
    number = f"{kl[row]:.2f}"
    if layout.narrow:
        middle = layout.row(row) - LINE / 2 - 0.02
        caption = shorten(layout.view.labels[row].caption, SIZE, layout.bar_left - 0.3)
        put_text(axes, MARGIN, middle, caption, size=SIZE)
        put_text(axes, layout.bar_left - 0.04, middle, "KL", GREY, ha="right")
        put_text(axes, layout.width - MARGIN, middle, number, GREY, ha="right")
    else:
        middle = layout.row(row) + layout.cell / 2
        lines = layout.label_lines[row]
        for line, text in enumerate(lines):
            grey = line == len(lines) - 1 and "(" in layout.view.labels[row].caption
            offset = (line - (len(lines) - 1) / 2) * LINE
            put_text(axes, MARGIN, middle + offset, text, GREY if grey else INK, size=SIZE)
        put_text(axes, layout.bar_left, middle + LINE / 2, number, GREY)
        middle -= LINE / 2
    axes.add_patch(Rectangle((layout.bar_left, middle - 0.03), length, 0.06, facecolor=BAR, linewidth=0))


def _draw_row(axes: Axes, layout: Layout, row: int) -> None:
    view, cell = layout.view, layout.cell
    top = layout.row(row)
    below = top + cell + (0.035 if layout.narrow else 0.02)
    for column in range(layout.columns):
        put_picture(axes, view.images[row, column], layout.column(column), top, cell, cell)
    shown, digits = layout.printed
    for column in shown:
        value = signed(float(view.values[row, column]), digits)
        put_text(axes, layout.column(column) + cell / 2, below, value, ha="center", va="top")
    if layout.footprint:
        largest = float(view.footprint.max())
        put_picture(axes, heat_map(view.footprint[row], largest), layout.footprint_left, top, cell, cell)
        share = f"{view.footprint[row].max():.2f}"
        put_text(axes, layout.footprint_left + cell / 2, below, share, GREY, ha="center", va="top")


def _draw_reference(axes: Axes, layout: Layout) -> None:
    """A box around each cell of the column that holds the frame's own values, joined where rows touch."""
    left = layout.column(layout.columns // 2) - layout.gap / 2
    side = layout.cell + layout.gap
    joined = not layout.narrow
    height = (layout.rows - 1) * layout.row_step + side + LINE if joined else side
    for row in range(1 if joined else layout.rows):
        corner = (left, layout.row(row) - layout.gap / 2)
        axes.add_patch(Rectangle(corner, side, height, fill=False, edgecolor=INK, linewidth=0.9, zorder=3))
