"""The typeface of figures and films, and the width of text in it."""

from functools import cache, lru_cache
from pathlib import Path

from matplotlib.font_manager import FontProperties, fontManager
from matplotlib.ft2font import FT2Font
from PIL import ImageFont

from backend.export.letters import drawable, own_font, runs

POINTS_PER_INCH = 72
_MEASURED_AT = 256  # pixels


@lru_cache(maxsize=4096)
def font(size: float, text: str = "", bold: bool = False) -> FontProperties:
    """The typeface for matplotlib at a size in points, with fallback fonts for the letters of a text."""
    files = dict.fromkeys([own_font(bold), *(path for _, path in runs(drawable(text), bold))])
    if len(files) == 1:
        return FontProperties(fname=str(own_font(bold)), size=size)
    families = [_family(str(path)) for path in files]
    return FontProperties(family=families, size=size, weight="bold" if bold else "normal")


@cache
def pixel_font(size: int, path: Path | None = None) -> ImageFont.FreeTypeFont:
    """The typeface for pictures at a size in pixels, or another font."""
    return ImageFont.truetype(str(path or own_font()), size)


@lru_cache(maxsize=4096)
def text_width(text: str, size: float, bold: bool = False) -> float:
    """Width in inches of a text at a size in points."""
    parts = runs(drawable(text), bold)
    pixels = sum(pixel_font(_MEASURED_AT, path).getlength(part) for part, path in parts)
    return pixels / _MEASURED_AT * size / POINTS_PER_INCH


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


@cache
def _family(path: str) -> str:
    """Registers a font file and returns the name under which matplotlib finds it."""
    fontManager.addfont(path)
    return FT2Font(path).family_name
