"""The knobs of an export, checked before anything is drawn."""

import math
from dataclasses import dataclass

from backend.interpret.request import ViewError, check_number

CHROMAS = ("420", "444")
WIDTHS = (3.25, 5.5, 6.875)  # inches: one column, text width of a single-column paper, two columns
FIGURE_FORMATS = ("png", "svg", "pdf")
FILM_FORMATS = ("gif", "mp4", "webm", "apng")
TABLE_FORMATS = ("csv", "npz")
MEDIA_TYPES = {
    "png": "image/png",
    "svg": "image/svg+xml",
    "pdf": "application/pdf",
    "gif": "image/gif",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "apng": "image/apng",
    "csv": "text/csv; charset=utf-8",
    "npz": "application/octet-stream",
    "html": "text/html; charset=utf-8",
    "zip": "application/zip",
}
MAX_FPS = 50.0  # a GIF frame of one centisecond is shown for ten by every browser
MAX_UPSCALE = 8


@dataclass(frozen=True)
class ExportOptions:
    """How a view is written.

    width: of figures, in inches. footprint: whether a figure that has room ends with where each row changes. title:
    whether a figure says on top what it shows. fps, loop, pingpong, captions, upscale (by nearest pixels): of films.
    chroma: of MP4 and WebM, "420" for every player or "444" with a colour for each pixel.
    """

    width: float = 5.5
    fps: float = 10.0
    upscale: int = 2
    pingpong: bool = True
    captions: bool = True
    loop: bool = True
    footprint: bool = True
    title: bool = True
    chroma: str = "420"

    def check(self) -> None:
        """Raises ViewError by field."""
        if self.width not in WIDTHS:
            raise ViewError("width", f"{self.width!r} is not one of {', '.join(map(str, WIDTHS))} inches")
        check_number("fps", self.fps, 0.1, MAX_FPS, "the number of frames a second")
        upscale = self.upscale
        if isinstance(upscale, bool) or not isinstance(upscale, int) or not 1 <= upscale <= MAX_UPSCALE:
            raise ViewError("upscale", f"{upscale!r} is not a whole number from 1 to {MAX_UPSCALE}")
        if self.chroma not in CHROMAS:
            raise ViewError("chroma", f"{self.chroma!r} is not one of {', '.join(CHROMAS)}")

    @property
    def delay(self) -> int:
        """Centiseconds that each frame of a GIF stands; the only speeds there are."""
        return max(2, round(100 / self.fps))

    @property
    def effective_fps(self) -> float:
        """The speed that a GIF really has: 5, 10, 12.5, 20, 25, 33.3 and 50 are hit exactly."""
        return 100 / self.delay


def check_format(format: str, known: tuple[str, ...]) -> None:
    """Raises ViewError for a format that this view has not."""
    if format not in known:
        raise ViewError("format", f"{format!r} is not one of {', '.join(known)}")


def signed(value: float, digits: int) -> str:
    """A number as figures print it, with a true minus sign: −1.24, 0.00, +0.31."""
    assert math.isfinite(value)
    text = f"{value:+.{digits}f}"
    return text.lstrip("+-") if float(text) == 0 else text.replace("-", "−")
