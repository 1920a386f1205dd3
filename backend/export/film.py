"""A film before it is encoded: small changing pictures on a still background, with notes next to them.

The background and the notes use a few fixed colours, so that a GIF can keep one palette for the whole film.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from backend.export.letters import drawable, runs
from backend.export.typography import pixel_font

Inks = npt.NDArray[np.uint8]  # (H, W) indices into INKS
Frame = npt.NDArray[np.uint8]  # (H, W, 3)

GREYS = 16
BLACK, WHITE = 0, GREYS - 1
GREY, LIGHT = 6, 12
GREEN, RED, BLUE = GREYS, GREYS + 1, GREYS + 2
INKS = np.array(
    [*([round(255 * grey / (GREYS - 1))] * 3 for grey in range(GREYS)), (0, 140, 70), (200, 40, 30), (30, 90, 200)],
    np.uint8,
)


class Note(NamedTuple):
    """A patch of one colour at a position in a frame."""

    top: int
    left: int
    patch: Inks


@dataclass(frozen=True)
class Film:
    """F pictures in K places.

    order: which of the F to show, one after the other. notes: of each of the F, painted on the ground before the
    pictures. The film contains the `settings` of the view it was made from.
    """

    ground: Inks  # (H, W)
    corners: tuple[tuple[int, int], ...]  # (K, 2) top and left
    pictures: npt.NDArray[np.uint8]  # (F, K, h, w, 3)
    notes: tuple[tuple[Note, ...], ...]  # F
    order: tuple[int, ...]
    upscale: int
    title: str
    settings: str

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.ground.shape[1], self.ground.shape[0]

    @cached_property
    def drawn(self) -> list[Frame]:
        """Each of the F as a full-colour frame."""
        ground = INKS[self.ground]
        return [self._compose(ground.copy(), frame, INKS, self.pictures[frame]) for frame in range(len(self.notes))]

    def frames(self) -> Iterator[Frame]:
        """The frames in the order in which they are shown."""
        for frame in self.order:
            yield self.drawn[frame]

    def indexed(self, pictures: npt.NDArray[np.uint8]) -> list[Inks]:
        """Each of the F as palette indices, given the pictures as indices (F, K, h, w); inks keep their own."""
        same = np.arange(len(INKS), dtype=np.uint8)
        return [self._compose(self.ground.copy(), frame, same, pictures[frame]) for frame in range(len(self.notes))]

    def _compose(
        self, canvas: npt.NDArray[np.uint8], frame: int, inks: npt.NDArray[np.uint8], pictures: npt.NDArray[np.uint8]
    ) -> npt.NDArray[np.uint8]:
        for note in self.notes[frame]:
            height, width = note.patch.shape
            canvas[note.top : note.top + height, note.left : note.left + width] = inks[note.patch]
        for (top, left), picture in zip(self.corners, pictures, strict=True):
            larger = picture.repeat(self.upscale, axis=0).repeat(self.upscale, axis=1)
            canvas[top : top + larger.shape[0], left : left + larger.shape[1]] = larger
        return canvas


def ping_pong(frames: int, back: bool) -> tuple[int, ...]:
    """0, 1, ... F-1, and back to 1 if requested, so that the film repeats without a jump."""
    forth = tuple(range(frames))
    return forth + tuple(range(frames - 2, 0, -1)) if back else forth


@lru_cache(maxsize=4096)
def write_text(text: str, ink: int, size: int, width: int, align: str = "left") -> Inks:
    """A line of text in a grey ink, `size` pixels high, on white, cut to the width: (line height, width)."""
    image = Image.new("L", (width, line_height(size)), 255)
    brush, shown = ImageDraw.Draw(image), _fit(drawable(text), size, width)
    place = {"left": 0.0, "center": 0.5, "right": 1.0}[align] * (width - _length(shown, size))
    for part, path in runs(shown):
        letters = pixel_font(size, path)
        brush.text((place, image.height / 2), part, font=letters, fill=int(INKS[ink][0]), anchor="lm")
        place += letters.getlength(part)
    patch = np.round(np.asarray(image) / 255 * (GREYS - 1)).astype(np.uint8)
    patch.setflags(write=False)  # the same patch is handed out again
    return patch


def line_height(size: int) -> int:
    """Pixels from one line to the next."""
    return round(size * 1.3)


def text_size(upscale: int) -> int:
    """A readable font size for each size of the cells."""
    return min(8 + 2 * upscale, 20)


def _fit(text: str, size: int, width: int) -> str:
    if _length(text, size) <= width:
        return text
    while text and _length(text + "…", size) > width:
        text = text[:-1]
    return text.rstrip() + "…"


def _length(text: str, size: int) -> float:
    """Pixels that a drawable text takes."""
    return sum(pixel_font(size, path).getlength(part) for part, path in runs(text))
