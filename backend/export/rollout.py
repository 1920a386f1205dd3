"""Rollouts as films, figures and tables: green stands around what was observed, red around what was imagined."""

from collections.abc import Sequence

import numpy as np
from matplotlib.patches import Rectangle

from backend.export.animation import Grid, encode
from backend.export.figure import GREY, blank, drawing, put_picture, put_text, write
from backend.export.film import BLACK, GREEN, RED, WHITE, Film, Note, text_size, write_text
from backend.export.film import GREY as GREY_INK
from backend.export.layout import GAP, LINE, MARGIN, SIZE, SMALL
from backend.export.options import FIGURE_FORMATS, FILM_FORMATS, TABLE_FORMATS, ExportOptions, check_format
from backend.export.tables import rollout_csv, rollout_npz
from backend.export.typography import text_width
from backend.interpret.rollout import Rollout, TemporalTraversal
from backend.interpret.view import Picture

ROLLOUT_FORMATS = (*FILM_FORMATS, *FIGURE_FORMATS, *TABLE_FORMATS)
OBSERVED_COLOUR, IMAGINED_COLOUR = "#008c46", "#c8281e"
BORDER = 3  # pixels around a picture of a film
MIN_CELL = 0.36  # inches of a figure's cell

Strip = tuple[str, str, Picture]  # title, second line, frames (S, 64, 64, 3)


def render_rollout(rollout: Rollout, format: str, options: ExportOptions) -> bytes:
    """The rollout in any of its formats; equal rollouts give equal bytes. Raises ViewError."""
    check_format(format, ROLLOUT_FORMATS)
    options.check()
    if format in FIGURE_FORMATS:
        return _figure(rollout, format, options.width)
    if format in TABLE_FORMATS:
        return {"csv": rollout_csv, "npz": rollout_npz}[format](rollout)
    return encode(rollout_film(rollout, options), format, options)


def render_temporal(traversal: TemporalTraversal, format: str, options: ExportOptions) -> bytes:
    """Dimensions held at a value while the model imagines: a film with the untouched future first."""
    check_format(format, FILM_FORMATS)
    options.check()
    strips: list[Strip] = [("untouched", "", traversal.rollout.model.image)]
    for label, value, frames in zip(traversal.labels, traversal.values, traversal.image, strict=True):
        strips.append((label.text, f"dim {label.dim} held at {value:.2f}", frames))
    return encode(_film(traversal.rollout, strips, options), format, options)


def rollout_film(rollout: Rollout, options: ExportOptions) -> Film:
    """Truth, model, error and what else there is, side by side, one frame a step."""
    edits = ", ".join(label.text for label in rollout.labels)
    second = {"error": "|truth − model|", "change": "|edited − model|", "edited": edits, "spread": "SD × 4"}
    return _film(rollout, [(title, second.get(title, ""), frames) for title, frames in rollout.rows], options)


def _film(rollout: Rollout, strips: Sequence[Strip], options: ExportOptions) -> Film:
    grid = Grid(len(strips), 64 * options.upscale, text_size(options.upscale), options.captions, tracks=False)
    status = 2 * grid.gap + round(grid.text * 1.3) if options.captions else 0
    ground = np.full((grid.height + status, grid.width), WHITE, np.uint8)
    corners = tuple((top + status, left) for top, left in map(grid.corner, range(len(strips))))
    for (title, second, _), (top, left) in zip(strips, corners, strict=True):
        if options.captions:
            lines = [(title, BLACK), (second, GREY_INK)]
            text = np.concatenate([write_text(*line, grid.text, grid.cell) for line in lines])
            ground[top - BORDER - len(text) : top - BORDER, left : left + grid.cell] = text
    notes = []
    for step in range(rollout.request.steps):
        borders = [_border(grid, rollout, step, top, left) for top, left in corners]
        notes.append((*borders, *(_status(grid, rollout, step) if options.captions else ())))
    return Film(
        ground=ground,
        corners=corners,
        pictures=np.stack([frames for _, _, frames in strips], axis=1),
        notes=tuple(notes),
        order=tuple(range(rollout.request.steps)),
        upscale=options.upscale,
        title=f"Rollout, {rollout.checkpoint_name}",
        settings=rollout.settings,
    )


def _border(grid: Grid, rollout: Rollout, step: int, top: int, left: int) -> Note:
    side = grid.cell + 2 * BORDER
    ink = GREEN if step < rollout.request.context else RED
    return Note(top - BORDER, left - BORDER, np.full((side, side), ink, np.uint8))


def _status(grid: Grid, rollout: Rollout, step: int) -> list[Note]:
    """`■ step 7 imagined · PSNR 24.1 dB` on top of the frame."""
    seen = step < rollout.request.context
    psnr = rollout.psnr[step]
    text = f"step {step} {'observed' if seen else 'imagined'}"
    text += "" if psnr is None else f" · PSNR {psnr:.1f} dB"
    side = grid.text - 2
    line = write_text(text, BLACK, grid.text, grid.width - 3 * grid.gap - side)
    block = np.full((side, side), GREEN if seen else RED, np.uint8)
    top = grid.gap + (len(line) - side) // 2
    return [Note(top, grid.gap, block), Note(grid.gap, 2 * grid.gap + side, line)]


def _figure(rollout: Rollout, format: str, width: float) -> bytes:
    rows = rollout.rows
    left = MARGIN + max(text_width(title, SIZE) for title, _ in rows) + 0.08
    room = width - MARGIN - left
    count = min(rollout.request.steps, int((room + GAP) / (MIN_CELL + GAP)))
    cell = min((room - (count - 1) * GAP) / count, 0.7)
    steps = sorted({round(step) for step in np.linspace(0, rollout.request.steps - 1, count)})
    top = MARGIN + 2.6 * LINE
    height = top + len(rows) * (cell + GAP) + LINE + 2 * MARGIN
    dpi = max(1, -(-300 * cell // 64)) * 64 / cell
    with drawing():
        figure, axes = blank(width, height, dpi)
        for row, (title, frames) in enumerate(rows):
            y = top + row * (cell + GAP)
            put_text(axes, MARGIN, y + cell / 2, title, size=SIZE)
            for column, step in enumerate(steps):
                put_picture(axes, frames[step], left + column * (cell + GAP), y, cell, cell)
        foot = top + len(rows) * (cell + GAP) + 0.01
        put_text(axes, MARGIN, foot, "PSNR (dB)", GREY, va="top")
        for column, step in enumerate(steps):
            x = left + column * (cell + GAP)
            seen = step < rollout.request.context
            colour = OBSERVED_COLOUR if seen else IMAGINED_COLOUR
            axes.add_patch(Rectangle((x, top - 0.05), cell, 0.03, facecolor=colour, linewidth=0))
            put_text(axes, x + cell / 2, top - 0.07, str(step), ha="center", va="bottom")
            psnr = rollout.psnr[step]
            put_text(axes, x + cell / 2, foot, "" if psnr is None else f"{psnr:.0f}", GREY, ha="center", va="top")
        first = next((column for column, step in enumerate(steps) if step >= rollout.request.context), 0)
        place = max(left + first * (cell + GAP), left + text_width("observed ", SMALL))
        put_text(axes, left, MARGIN, "observed", OBSERVED_COLOUR, va="top")
        put_text(axes, place, MARGIN, "imagined", IMAGINED_COLOUR, va="top")
        put_text(axes, MARGIN, top - 0.07, "step", GREY, va="bottom")
        return write(figure, format, f"Rollout, {rollout.checkpoint_name}", rollout.settings)
