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

from backend.export.captions import number_text, texts_of
from backend.export.colours import INK
from backend.export.layout import LINE, MARGIN, NARROW, RECONSTRUCTION, SIZE, SMALL, TRACK, Layout
from backend.export.letters import drawable, noted
from backend.export.options import FIGURE_FORMATS, ExportOptions, check_format
from backend.export.typography import font, shorten
from backend.interpret.view import FULL_CHANGE, Mark, Picture, TraversalView

GREY, BAR, LINE_COLOUR = "#5f5f5f", "#9db4cf", "#c9c9c9"
FULL_KL = 5.0  # nats that a bar of full length stands for, in every figure and on the offline page
# a dollar sign is a dollar sign, not the beginning of a formula
SETTINGS: Any = {"pdf.fonttype": 42, "svg.fonttype": "path", "svg.hashsalt": "diswm", "text.parse_math": False}
_drawing = threading.Lock()  # matplotlib's settings and font caches belong to the whole process


def render_figure(view: TraversalView, format: str, options: ExportOptions | None = None) -> bytes:
    """The figure as png, svg or pdf; equal views give equal bytes. Raises ViewError.

    The heat map of where each row changes is left out where the width leaves no room for it.
    """
    chosen = options or ExportOptions()
    check_format(format, FIGURE_FORMATS)
    chosen.check()
    with drawing():
        figure = draw_figure(view, chosen)
        return write(figure, format, f"Latent traversal, {view.checkpoint_name}", noted(view.settings, texts_of(view)))


def draw_figure(view: TraversalView, options: ExportOptions) -> Figure:
    """The figure before it is written; call it inside `drawing`."""
    layout = Layout(view, options.width, options.footprint and options.width >= NARROW, options.title)
    figure, axes = blank(layout.width, layout.height, layout.dpi)
    if options.title:
        _draw_head(axes, layout)
    _draw_columns(axes, layout)
    for row in range(layout.rows):
        _draw_label(axes, layout, row)
        _draw_row(axes, layout, row)
    return figure


@contextmanager
def drawing() -> Iterator[None]:
    """Lets one thread draw at a time, with fonts embedded in PDF and outlined in SVG, and without random ids."""
    with _drawing, matplotlib.rc_context(SETTINGS):
        yield


def blank(width: float, height: float, dpi: float) -> tuple[Figure, Axes]:
    """An empty white figure with coordinates in inches from the upper left corner."""
    figure = Figure(figsize=(width, height), dpi=dpi, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    return figure, axes


def write(figure: Figure, format: str, title: str, settings: str) -> bytes:
    """A drawn figure as bytes, with the view's settings and without a date."""
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
    """A picture drawn without interpolation."""
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
    axes.text(x, y, drawable(text), color=color, ha=ha, va=va, fontproperties=font(size, text))


def heat_map(change: np.ndarray[Any, np.dtype[np.float32]]) -> Picture:
    """Change (H, W) as colours (H, W, 3), on one scale for all figures: brightest from FULL_CHANGE on."""
    colours = matplotlib.colormaps["magma"](np.clip(change / FULL_CHANGE, 0, 1), bytes=True)
    return np.ascontiguousarray(colours[..., :3])


def _draw_head(axes: Axes, layout: Layout) -> None:
    view, side = layout.view, layout.head_cell
    for place, (picture, name) in enumerate(((view.original, "original"), (view.reconstruction, RECONSTRUCTION))):
        middle = MARGIN + (place + 0.5) * layout.head_column
        put_picture(axes, picture, middle - side / 2, MARGIN, side, side)
        put_text(axes, middle, MARGIN + side + 0.02, name, ha="center", va="top")
    for line, (text, title) in enumerate(layout.head_lines):
        put_text(axes, layout.head_left, MARGIN + line * LINE, text, INK if title else GREY, va="top")


def _draw_columns(axes: Axes, layout: Layout) -> None:
    """The header above the rows: the values, if all rows share them, and the titles of what is beside the cells."""
    above = layout.grid_top - 0.03 - (1.2 * LINE if layout.narrow else 0)
    shown, digits = layout.printed
    if layout.shared:
        for column in shown:
            text = _heading(layout, 0, column, digits)
            put_text(axes, layout.place(column), above, text, ha="center", va="bottom")
    if not layout.narrow:
        put_text(axes, layout.bar_left, above, "KL", GREY, va="bottom")
    if layout.footprint:
        put_text(axes, layout.footprint_left + layout.cell / 2, above, "change", GREY, ha="center", va="bottom")


def _heading(layout: Layout, row: int, column: int, digits: int) -> str:
    """The value of a column; the last printed one includes the unit."""
    number = number_text(layout.view, float(layout.view.sigmas[row, column]), digits)
    return f"{number} σ" if column == layout.printed[0][-1] and not layout.view.classes else number


def _draw_label(axes: Axes, layout: Layout, row: int) -> None:
    """Name and KL bar, beside the row or above it."""
    kl = layout.view.kl
    length = layout.bar_width * min(float(kl[row]) / FULL_KL, 1)
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
    below = top + cell + TRACK
    for column in range(layout.columns):
        put_picture(axes, view.images[row, column], layout.column(column), top, cell, cell)
    shown, digits = layout.printed
    for column in () if layout.shared else shown:
        text = _heading(layout, row, column, digits)
        put_text(axes, layout.place(column), below, text, ha="center", va="top")
    _draw_marks(axes, layout, row, below)
    if layout.footprint:
        put_picture(axes, heat_map(view.footprint[row]), layout.footprint_left, top, cell, cell)
        share = f"{view.footprint[row].max():.2f}"
        put_text(axes, layout.footprint_left + cell / 2, below, share, GREY, ha="center", va="top")


def _draw_marks(axes: Axes, layout: Layout, row: int, below: float) -> None:
    """Triangles on a line below the row: filled at the frame's value, hollow at a value that is held instead."""
    end = layout.column(layout.columns - 1) + layout.cell
    line = below - 0.045
    axes.plot([layout.grid_left, end], [line, line], color=LINE_COLOUR, linewidth=0.5, zorder=1)
    own, held = layout.view.mark(row), layout.view.held(row)
    apart = held is None or abs(layout.place(own.column) - layout.place(held.column)) > 0.6
    _draw_mark(axes, layout, own, below, INK, number_text(layout.view, own.sigma, 2) if apart else "")
    if held is not None:
        _draw_mark(axes, layout, held, below, "white", f"{number_text(layout.view, held.sigma, 2)} held")


def _draw_mark(axes: Axes, layout: Layout, mark: Mark, below: float, fill: str, text: str) -> None:
    """A triangle with its value below if there is room; it points outwards if the value is outside the row."""
    beyond = -1 if mark.column < -0.5 else 1 if mark.column > layout.columns - 0.5 else 0
    left, right = layout.grid_left + 0.03, layout.column(layout.columns - 1) + layout.cell - 0.03
    place = min(max(layout.place(mark.column), left), right)
    shape = {-1: "<", 0: "^", 1: ">"}[beyond]
    axes.plot([place], [below - 0.045], shape, ms=3.6, mfc=fill, mec=INK, mew=0.5, zorder=3, clip_on=False)
    if layout.shared:
        align = {-1: "left", 0: "center", 1: "right"}[beyond]
        put_text(axes, place, below, text, GREY, ha=align, va="top")
