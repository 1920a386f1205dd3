"""One typeface for figures and films, and how wide a text in it is."""

from functools import cache, lru_cache
from pathlib import Path

import matplotlib
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from PIL import ImageFont

POINTS_PER_INCH = 72


@cache
def font_file(bold: bool = False) -> Path:
    """DejaVu Sans, which comes with matplotlib: the same letters on every machine."""
    return Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"DejaVuSans{'-Bold' if bold else ''}.ttf"


@cache
def font(size: float, bold: bool = False) -> FontProperties:
    """The typeface for matplotlib at a size in points."""
    return FontProperties(fname=str(font_file(bold)), size=size)


@cache
def pixel_font(size: int) -> ImageFont.FreeTypeFont:
    """The typeface for pictures at a size in pixels."""
    return ImageFont.truetype(str(font_file()), size)


@lru_cache(maxsize=4096)
def text_width(text: str, size: float, bold: bool = False) -> float:
    """Width in inches of a text at a size in points."""
    if not text.strip():
        return 0.0
    path = TextPath((0, 0), text, prop=font(size, bold))
    return float(path.get_extents().x1) / POINTS_PER_INCH


def shorten(text: str, size: float, width: float) -> str:
    """The text, cut with an ellipsis where it is wider than `width` inches."""
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text.rstrip() + "…"


def wrap(text: str, size: float, width: float) -> list[str]:
    """The text in lines of at most `width` inches, broken between words; a word that is wider is cut."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if text_width(longer, size) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return [shorten(line, size, width) for line in lines]
