"""The position of everything in a figure of a traversal, in inches from the left and the top."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from backend.export.captions import base_text, number_text, range_text
from backend.export.typography import text_width, wrap
from backend.interpret.view import TraversalView

SIZE, SMALL = 7.5, 7.0  # points
MARGIN, GAP = 0.04, 0.03
LINE = 0.125  # from one line of text to the next
TRACK = 0.07  # below a row: where the mark of the frame stands
MIN_DPI = 300
NARROW = 4.0  # below this width labels stand above their row instead of beside it
MAX_CELL = 0.9
RECONSTRUCTION = "reconstruction"
MARK = "▲"
BASES = {"clip": "frame", "dataset": "frame", "picture": "picture", "prior": "prior mean"}


@dataclass(frozen=True)
class Layout:
    """Places for a view at a width; the resolution makes each pixel of a cell a whole number of dots.

    titled: whether the frame and the text about the view are printed on top.
    """

    view: TraversalView
    width: float
    footprint: bool
    titled: bool = True

    @property
    def narrow(self) -> bool:
        """Whether labels stand above the rows."""
        return self.width < NARROW

    @property
    def columns(self) -> int:
        """N."""
        return int(self.view.values.shape[1])

    @property
    def rows(self) -> int:
        """R."""
        return int(self.view.values.shape[0])

    @cached_property
    def label_lines(self) -> list[list[str]]:
        """`dim 7: hip angle` and `NMI .81` of each row, broken where the place is narrow."""
        split = []
        for label in self.view.labels:
            first, _, second = label.caption.partition(" (")
            lines = wrap(first, SIZE, self.label_room)
            split.append([*lines, second.rstrip(")")] if second else lines)
        return split

    @cached_property
    def label_room(self) -> float:
        """Maximal width of labels beside the rows."""
        if self.narrow:
            return self.width - 2 * MARGIN - 1.0
        firsts = (label.caption.partition(" (")[0] for label in self.view.labels)
        return min(max(text_width(first, SIZE) for first in firsts) + 0.02, 0.24 * self.width)

    @property
    def bar_left(self) -> float:
        """Left edge of the KL bars."""
        return self.width - MARGIN - 0.75 if self.narrow else MARGIN + self.label_room + 0.06

    @property
    def bar_width(self) -> float:
        """Length of the longest KL bar."""
        return 0.4 if self.narrow else 0.3

    @cached_property
    def grid_left(self) -> float:
        """Left edge of the first column."""
        return self._snap(MARGIN if self.narrow else self.bar_left + self.bar_width + 0.08)

    @cached_property
    def cell(self) -> float:
        """Side of a cell."""
        left = MARGIN if self.narrow else self.bar_left + self.bar_width + 0.08
        cells = self.columns + (1 if self.footprint else 0)
        room = self.width - MARGIN - left - (2 * GAP if self.footprint else 0)
        return min((room - (cells - 1) * GAP) / cells, MAX_CELL)

    @cached_property
    def dpi(self) -> float:
        """Dots an inch, at least 300."""
        pixels = int(self.view.images.shape[2])
        return math.ceil(MIN_DPI * self.cell / pixels) * pixels / self.cell

    @cached_property
    def head_lines(self) -> list[tuple[str, bool]]:
        """The text on top and whether each line is the title."""
        room = self.width - MARGIN - self.head_left
        title = [(line, True) for line in wrap(f"Latent traversal, {self.view.checkpoint_name}", SMALL, room)]
        unit = "numbers are classes" if self.view.classes else "values in σ"
        texts = [
            base_text(self.view),
            range_text(self.view),
            f"{MARK} the {BASES[self.view.request.base]} itself; {unit}",
        ]
        return title + [(line, False) for text in texts for line in wrap(text, SMALL, room)]

    @property
    def head_cell(self) -> float:
        """Side of the original and of the reconstruction."""
        return min(max(self.cell, 0.42), 0.6)

    @property
    def head_column(self) -> float:
        """Width that each of the two pictures takes with the word below it."""
        return max(self.head_cell, text_width(RECONSTRUCTION, SMALL)) + 0.06

    @property
    def head_left(self) -> float:
        """Left edge of the text on top."""
        return MARGIN + 2 * self.head_column + 0.1

    @cached_property
    def grid_top(self) -> float:
        """Upper edge of the first row of cells."""
        head = max(self.head_cell + LINE + 0.02, len(self.head_lines) * LINE) + 0.08 if self.titled else 0
        return self._snap(MARGIN + head + LINE * (2.2 if self.narrow and self.shared else 1))

    @cached_property
    def shared(self) -> bool:
        """Whether all rows take the same values in σ, which are then printed once, above them."""
        return bool(np.allclose(self.view.sigmas, self.view.sigmas[0], atol=1e-9))

    @cached_property
    def row_step(self) -> float:
        """Distance from one row to the next."""
        tallest = max(len(lines) for lines in self.label_lines) * LINE
        row = self.cell + TRACK + LINE + 0.03
        return self._snap(row + LINE + 0.06 if self.narrow else max(row, tallest + 0.04))

    @property
    def height(self) -> float:
        """Height of the whole figure."""
        return self._snap(self.row(self.rows - 1) + self.cell + TRACK + LINE + 0.03 + MARGIN)

    @cached_property
    def gap(self) -> float:
        """Gap between two cells."""
        return self._snap(GAP)

    @property
    def footprint_left(self) -> float:
        """Left edge of the heat maps."""
        return self.column(self.columns) + 2 * self.gap

    @cached_property
    def printed(self) -> tuple[tuple[int, ...], int]:
        """The columns whose values can stand side by side, with both ends and the centre; and their digits."""
        half = self.columns // 2
        values = [float(value) for value in self.view.sigmas.ravel()]
        for step in (step for step in range(1, half + 1) if half % step == 0):
            for digits in (2, 1):
                widest = max(text_width(number_text(self.view, value, digits), SMALL) for value in values)
                if widest + 0.05 <= step * (self.cell + self.gap):
                    return tuple(range(0, self.columns, step)), digits
        return (half,), 1

    def column(self, index: int) -> float:
        """Left edge of a column."""
        return self.grid_left + index * (self.cell + self.gap)

    def place(self, column: float) -> float:
        """The middle of a place among the columns; places beyond them are put at their edge."""
        inside = min(max(column, -0.5), self.columns - 0.5)
        return self.grid_left + self.cell / 2 + inside * (self.cell + self.gap)

    def row(self, index: int) -> float:
        """Upper edge of a row of cells."""
        return self.grid_top + index * self.row_step

    def _snap(self, place: float) -> float:
        return round(place * self.dpi) / self.dpi
