"""The options of an export, checked before anything is drawn."""

import math
from typing import Annotated, Literal

from pydantic import Field

from backend.interpret.fields import Flag, Number, Whole
from backend.interpret.request import ViewError, ViewRequest, check_count, check_number, view_request

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
MIN_FPS = 0.1
MAX_FPS = 50.0  # a GIF frame of one centisecond is shown for ten by every browser
MAX_UPSCALE = 8


@view_request
class ExportOptions(ViewRequest):
    """How a view is written.

    width: of figures, in inches. footprint: whether a figure that has room ends with where each row changes. title:
    whether a figure says on top what it shows. fps, loop, pingpong, captions, upscale (by nearest pixels): of films.
    chroma: of MP4 and WebM, "420" for every player or "444" with a colour for each pixel.
    """

    width: Annotated[Number, Field(description="Inches of a figure.", json_schema_extra={"enum": list(WIDTHS)})] = 5.5
    fps: Annotated[
        Number,
        Field(
            description="Pictures a second of an animation; a GIF has 5, 10, 12.5, 20, 25, 33.3 or 50 exactly.",
            json_schema_extra={"minimum": MIN_FPS, "maximum": MAX_FPS},
        ),
    ] = 10.0
    upscale: Annotated[
        Whole,
        Field(
            description="Pixels of a file for each pixel of the model.",
            json_schema_extra={"minimum": 1, "maximum": MAX_UPSCALE},
        ),
    ] = 2
    pingpong: Annotated[Flag, Field(description="Forth and back.")] = True
    captions: Annotated[Flag, Field(description="Names beside the rows.")] = True
    loop: Annotated[Flag, Field(description="Whether an animation begins again.")] = True
    footprint: Annotated[Flag, Field(description="Whether a figure ends with where each row changes.")] = True

    title: Annotated[Flag, Field(description="Whether a figure has a title.")] = True
    chroma: Annotated[
        Literal["420", "444"],
        Field(description="Of MP4 and WebM: 420 plays everywhere, 444 keeps a colour for each pixel at any upscale."),
    ] = "420"

    def check(self) -> None:
        """Raises ViewError by field."""
        if self.width not in WIDTHS:
            raise ViewError("width", f"{self.width!r} is not one of {', '.join(map(str, WIDTHS))} inches")
        check_number("fps", self.fps, MIN_FPS, MAX_FPS, "the number of frames a second")
        check_count("upscale", self.upscale, MAX_UPSCALE)

    @property
    def delay(self) -> int:
        """Centiseconds that each frame of a GIF is shown; the only possible speeds."""
        return max(2, round(100 / self.fps))

    @property
    def effective_fps(self) -> float:
        """The actual speed of a GIF: 5, 10, 12.5, 20, 25, 33.3 and 50 are exact."""
        return 100 / self.delay


def check_format(format: str, known: tuple[str, ...]) -> None:
    """Raises ViewError for a format that this view does not have."""
    if format not in known:
        raise ViewError("format", f"{format!r} is not one of {', '.join(known)}")


def signed(value: float, digits: int) -> str:
    """A number as figures print it, with a true minus sign: −1.24, 0.00, +0.31."""
    assert math.isfinite(value)
    text = f"{value:+.{digits}f}"
    return text.lstrip("+-") if float(text) == 0 else text.replace("-", "−")
