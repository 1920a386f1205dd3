"""Timelines as films, figures and tables: green frames are observed, red frames are imagined."""

import itertools
import re
from collections.abc import Container

import numpy as np
from matplotlib.patches import Rectangle

from backend.export.animation import Grid, encode, even
from backend.export.figure import GREY, blank, drawing, put_picture, put_text, write
from backend.export.film import BLACK, GREEN, RED, WHITE, Film, Note, text_size, write_text
from backend.export.film import GREY as GREY_INK
from backend.export.layout import GAP, LINE, MARGIN, SIZE, SMALL
from backend.export.letters import noted
from backend.export.options import FIGURE_FORMATS, FILM_FORMATS, TABLE_FORMATS, ExportOptions, check_format
from backend.export.score_charts import charts_of, draw_scores, height_of
from backend.export.tables import npz, table
from backend.export.typography import text_width
from backend.interpret.timeline import Band, Curve, Timeline

TIMELINE_FORMATS = (*FILM_FORMATS, *FIGURE_FORMATS, *TABLE_FORMATS)
OBSERVED_COLOUR, IMAGINED_COLOUR = "#008c46", "#c8281e"
BORDER = 3  # pixels around a picture of a film
MIN_CELL = 0.36  # inches of a figure's cell


def render_timeline(timeline: Timeline, format: str, options: ExportOptions) -> bytes:
    """The timeline in any of its formats; equal timelines give equal bytes. Raises ViewError."""
    check_format(format, TIMELINE_FORMATS)
    options.check()
    if format in FIGURE_FORMATS:
        return _figure(timeline, format, options.width)
    if format in TABLE_FORMATS:
        return {"csv": _csv, "npz": _npz}[format](timeline)
    return encode(timeline_film(timeline, options), format, options)


def timeline_film(timeline: Timeline, options: ExportOptions) -> Film:
    """Every row side by side, one frame per step."""
    side = timeline.strips[0].frames.shape[1] * options.upscale
    grid = Grid(len(timeline.strips), side, text_size(options.upscale), options.captions, tracks=False)
    status = even(2 * grid.gap + round(grid.text * 1.3)) if options.captions else 0
    ground = np.full((grid.height + status, grid.width), WHITE, np.uint8)
    corners = tuple((top + status, left) for top, left in map(grid.corner, range(len(timeline.strips))))
    for strip, (top, left) in zip(timeline.strips, corners, strict=True):
        if options.captions:
            lines = [(strip.title, BLACK), (strip.note, GREY_INK)]
            text = np.concatenate([write_text(*line, grid.text, grid.cell) for line in lines])
            ground[top - BORDER - len(text) : top - BORDER, left : left + grid.cell] = text
    notes = []
    for step in range(timeline.steps):
        borders = [_border(grid, timeline, step, top, left) for top, left in corners]
        notes.append((*borders, *(_status(grid, timeline, step) if options.captions else ())))
    return Film(
        ground=ground,
        corners=corners,
        pictures=np.stack([strip.frames for strip in timeline.strips], axis=1),
        notes=tuple(notes),
        order=tuple(range(timeline.steps)),
        upscale=options.upscale,
        title=timeline.title,
        settings=noted(timeline.settings, texts_of(timeline)),
    )


def texts_of(timeline: Timeline) -> tuple[str, ...]:
    """The text in a film or figure of the timeline that users may have written, such as names."""
    return (timeline.title, *(text for strip in timeline.strips for text in (strip.title, strip.note)))


def _border(grid: Grid, timeline: Timeline, step: int, top: int, left: int) -> Note:
    side = grid.cell + 2 * BORDER
    ink = GREEN if timeline.is_observed(step) else RED
    return Note(top - BORDER, left - BORDER, np.full((side, side), ink, np.uint8))


def _status(grid: Grid, timeline: Timeline, step: int) -> list[Note]:
    """`■ step 7 imagined · PSNR 24.1 dB` on top of the frame."""
    seen = timeline.is_observed(step)
    text = f"step {step} {'observed' if seen else 'imagined'}"
    value = timeline.reading.values[step] if timeline.reading else None
    if timeline.reading and value is not None:
        text += f" · {timeline.reading.title} {value:.1f} {timeline.reading.unit}"
    side = grid.text - 2
    line = write_text(text, BLACK, grid.text, grid.width - 3 * grid.gap - side)
    block = np.full((side, side), GREEN if seen else RED, np.uint8)
    top = grid.gap + (len(line) - side) // 2
    return [Note(top, grid.gap, block), Note(grid.gap, 2 * grid.gap + side, line)]


def _figure(timeline: Timeline, format: str, width: float) -> bytes:
    left = MARGIN + max(text_width(strip.title, SIZE) for strip in timeline.strips) + 0.08
    room = width - MARGIN - left
    count = max(1, min(timeline.steps, int((room + GAP) / (MIN_CELL + GAP))))
    cell = min((room - (count - 1) * GAP) / count, 0.7)
    steps = sorted({round(step) for step in np.linspace(0, timeline.steps - 1, count)})
    top = MARGIN + 2.6 * LINE
    scores = top + len(timeline.strips) * (cell + GAP) + (LINE if timeline.reading else 0) + 2 * MARGIN
    height = scores + height_of(charts_of(timeline))
    pixels = timeline.strips[0].frames.shape[1]
    dpi = max(1, -(-300 * cell // pixels)) * pixels / cell
    with drawing():
        figure, axes = blank(width, height, dpi)
        for row, strip in enumerate(timeline.strips):
            y = top + row * (cell + GAP)
            put_text(axes, MARGIN, y + cell / 2, strip.title, size=SIZE)
            for column, step in enumerate(steps):
                put_picture(axes, strip.frames[step], left + column * (cell + GAP), y, cell, cell)
        foot = top + len(timeline.strips) * (cell + GAP) + 0.01
        if timeline.reading:
            put_text(axes, MARGIN, foot, f"{timeline.reading.title} ({timeline.reading.unit})", GREY, va="top")
        for column, step in enumerate(steps):
            x = left + column * (cell + GAP)
            colour = OBSERVED_COLOUR if timeline.is_observed(step) else IMAGINED_COLOUR
            axes.add_patch(Rectangle((x, top - 0.05), cell, 0.03, facecolor=colour, linewidth=0))
            put_text(axes, x + cell / 2, top - 0.07, str(step), ha="center", va="bottom")
            value = timeline.reading.values[step] if timeline.reading else None
            put_text(axes, x + cell / 2, foot, "" if value is None else f"{value:.0f}", GREY, ha="center", va="top")
        first = next((column for column, step in enumerate(steps) if not timeline.is_observed(step)), 0)
        place = max(left + first * (cell + GAP), left + text_width("observed ", SMALL))
        put_text(axes, left, MARGIN, "observed", OBSERVED_COLOUR, va="top")
        if any(not timeline.is_observed(step) for step in steps):
            put_text(axes, place, MARGIN, "imagined", IMAGINED_COLOUR, va="top")
        put_text(axes, MARGIN, top - 0.07, "step", GREY, va="bottom")
        if count > 1:
            draw_scores(figure, timeline, scores, left + cell / 2, left + cell / 2 + (count - 1) * (cell + GAP))
        return write(figure, format, timeline.title, noted(timeline.settings, texts_of(timeline)))


def _csv(timeline: Timeline) -> bytes:
    """One line per step, one column per line of a chart, and two for its band over episodes."""
    lines = [(f"{chart}: {line}", values) for chart, held in timeline.curves.items() for line, values in held.items()]
    lines += [(f"{chart}: {line}, {end} over episodes", values) for chart, line, end, values in _ends(timeline)]
    header = ["step", "seen", *(name for name, _ in lines)]
    rows = [
        [step, int(timeline.is_observed(step)), *(values[step] for _, values in lines)]
        for step in range(timeline.steps)
    ]
    return table([header, *rows], timeline.settings)


def _ends(timeline: Timeline) -> list[tuple[str, str, str, Curve]]:
    """Both ends of every band, with its chart and line."""
    charts = timeline.bands.charts if timeline.bands else {}
    return [
        (chart, line, end, values)
        for chart, held in charts.items()
        for line, band in held.items()
        for end, values in zip(Band._fields, band, strict=True)
    ]


def _npz(timeline: Timeline) -> bytes:
    """Every row of pictures (K, S, 64, 64, 3) with its title, and every line of a chart under its name."""
    lines = [(chart, line, values) for chart, held in timeline.curves.items() for line, values in held.items()]
    lines += [(chart, f"{line} {end}", values) for chart, line, end, values in _ends(timeline)]
    curves: dict[str, Curve] = {}
    for chart, line, values in lines:
        curves[_key_beside(curves, f"curve {chart} {line}")] = values
    return npz(
        frames=np.stack([strip.frames for strip in timeline.strips]),
        titles=np.array([strip.title for strip in timeline.strips]),
        notes=np.array([strip.note for strip in timeline.strips]),
        context=np.array(timeline.context),
        settings=np.array(timeline.settings),
        **{name: np.array(values, np.float64) for name, values in curves.items()},
    )


def _key_beside(taken: Container[str], text: str) -> str:
    """The words of a name in any script, with `_` between; numbered where another array has that key already."""
    key = re.sub(r"\W+", "_", text.lower()).strip("_")
    return next(
        name for name in itertools.chain([key], (f"{key}_{n}" for n in itertools.count(2))) if name not in taken
    )
