"""A traversal as an animation: all chosen dimensions move through their values, side by side."""

import math

import numpy as np

from backend.export.captions import texts_of, value_text
from backend.export.film import (
    BLACK,
    GREY,
    LIGHT,
    WHITE,
    Film,
    Inks,
    Note,
    line_height,
    ping_pong,
    text_size,
    write_text,
)
from backend.export.gif import encode_gif
from backend.export.letters import noted
from backend.export.options import FILM_FORMATS, ExportOptions, check_format
from backend.export.video import encode_apng, encode_video
from backend.interpret.names import DimensionName
from backend.interpret.request import ViewError
from backend.interpret.view import TraversalView

ASPECT = 1.6  # of the grid, width to height
MAX_PIXELS = 400_000_000  # of all frames together


def render_animation(view: TraversalView, format: str, options: ExportOptions | None = None) -> bytes:
    """The film as gif, mp4, webm or apng; equal views give equal bytes. Raises ViewError."""
    check_format(format, FILM_FORMATS)
    chosen = options or ExportOptions()
    chosen.check()
    return encode(film_of(view, chosen), format, chosen)


def encode(film: Film, format: str, options: ExportOptions) -> bytes:
    """Any film in one of the formats; refuses one that is too large."""
    width, height = film.size
    pixels = width * height * len(film.order)
    if pixels > MAX_PIXELS:
        raise ViewError(
            "upscale", f"{pixels:,} pixels are more than {MAX_PIXELS:,}; use a smaller upscale or fewer cells"
        )
    if format == "gif":
        return encode_gif(film, delay=options.delay, loop=options.loop)
    if format == "apng":
        return encode_apng(film, fps=options.fps, loop=options.loop)
    return encode_video(film, format, fps=options.fps, chroma=options.chroma)


def film_of(view: TraversalView, options: ExportOptions) -> Film:
    """The film's frames are the columns of the view, and its places the rows, in reading order."""
    rows, columns = view.values.shape
    grid = Grid(rows, view.images.shape[2] * options.upscale, text_size(options.upscale), options.captions)
    ground = np.full((grid.height, grid.width), WHITE, np.uint8)
    for row, label in enumerate(view.labels):
        if options.captions:
            top, left = grid.corner(row)
            lines = np.concatenate([write_text(*line, grid.text, grid.cell) for line in _title_lines(label)])
            ground[top - len(lines) : top, left : left + grid.cell] = lines
    notes = tuple(
        tuple(note for row in range(rows) for note in _value_notes(view, grid, row, column)) if options.captions else ()
        for column in range(columns)
    )
    return Film(
        ground=ground,
        corners=tuple(grid.corner(row) for row in range(rows)),
        pictures=view.images.transpose(1, 0, 2, 3, 4),
        notes=notes,
        order=ping_pong(columns, options.pingpong),
        upscale=options.upscale,
        title=f"Latent traversal, {view.checkpoint_name}",
        settings=noted(view.settings, texts_of(view)),
    )


def _title_lines(label: DimensionName) -> list[tuple[str, int]]:
    """`hip angle` above `dim 7 · NMI .81`; `dim 7` above `mixed`."""
    first, _, second = label.caption.partition(" (")
    number, _, name = first.partition(": ")
    rest = second.rstrip(")")
    return (
        [(name, BLACK), (f"{number} · {rest}" if rest else number, GREY)] if name else [(number, BLACK), (rest, GREY)]
    )


def columns_for(count: int) -> int:
    """How many of `count` cells fit in one line: close to the aspect, with few empty places."""

    def cost(across: int) -> float:
        down = math.ceil(count / across)
        return abs(math.log(across / down / ASPECT)) + (across * down - count) / count

    return min(range(1, count + 1), key=cost)


def even(length: int) -> int:
    """The length, or one more where it is odd."""
    return length + length % 2


class Grid:
    """Places of `count` cells, with room for two lines above and a track and a line below each.

    Corners are even, so that the colours of 4:2:0 never mix a cell with what is around it.
    """

    def __init__(self, count: int, cell: int, text: int, captions: bool, tracks: bool = True) -> None:
        self.cell, self.text = cell, text
        self.gap = max(4, cell // 32 * 2)
        self.across = columns_for(count)
        self.down = math.ceil(count / self.across)
        self.above = 2 * line_height(text) if captions else 0
        self.below = even(self.track + line_height(text)) if captions and tracks else 0
        self.width = self.gap + self.across * (cell + self.gap)
        self.height = self.gap + self.down * (self.above + cell + self.below + self.gap)

    @property
    def track(self) -> int:
        """Height of the line that shows where the value stands."""
        return 7

    def corner(self, number: int) -> tuple[int, int]:
        """Top and left of a cell's picture."""
        row, column = divmod(number, self.across)
        top = self.gap + row * (self.above + self.cell + self.below + self.gap) + self.above
        return top, self.gap + column * (self.cell + self.gap)


def _value_notes(view: TraversalView, grid: Grid, row: int, column: int) -> tuple[Note, Note]:
    top, left = grid.corner(row)
    value = value_text(view, float(view.sigmas[row, column]), 2)
    below, mark = top + grid.cell, view.held(row) or view.mark(row)
    text = write_text(value, GREY, grid.text, grid.cell, "center")
    return (
        Note(below, left, _track(grid, column, view.values.shape[1], mark.column)),
        Note(below + grid.track, left, text),
    )


def _track(grid: Grid, column: int, columns: int, own: float) -> Inks:
    """A line with a mark at the frame's value (at an end if it lies outside) and a block at the value shown."""
    track = np.full((grid.track, grid.cell), WHITE, np.uint8)
    track[3:5] = LIGHT
    for place, ink, half in ((min(max(own, 0), columns - 1), GREY, 1), (column, BLACK, 3)):
        middle = half + round((grid.cell - 1 - 2 * half) * place / max(columns - 1, 1))
        track[1 if half == 3 else 2 :, middle - half : middle + half + 1] = ink
    return track
