"""Which font draws each letter, and what is drawn in place of a letter that no font of this machine has.

DejaVu Sans, which comes with matplotlib, draws Latin, Greek, Cyrillic, Arabic, Hebrew and more, the same on every
machine. What it lacks (Chinese, Japanese, Korean, Indic scripts, most emoji) is taken from the fonts of the machine.
Where they lack it too, the letter is spelled: by its name where it has one (`:leg:`, `ghu`), else by its code point
(`[U+5DE6]`); files then say so.
"""

import json
import unicodedata
from collections.abc import Iterable
from functools import cache
from itertools import groupby
from pathlib import Path

import matplotlib
from matplotlib.font_manager import findSystemFonts
from matplotlib.ft2font import FT2Font

NO_SHAPE = ("Cf", "Mn", "Me", "Sk", "Cc")  # joiners, selectors, marks: drawn with the letter before them or not at all
PREFERRED = ("notosans", "noto", "droidsansfallback", "wqy", "sourcehan", "unifont")  # the first that has a letter wins
NAMED_LETTERS = 8  # that a warning names
_SPOKEN = ("LETTER ", "SYLLABLE ", "VOWEL SIGN ")


@cache
def own_font(bold: bool = False) -> Path:
    """DejaVu Sans of matplotlib."""
    return Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"DejaVuSans{'-Bold' if bold else ''}.ttf"


@cache
def machine_fonts() -> tuple[Path, ...]:
    """The machine's fonts that have outlines, those for many scripts first; bold and slanted ones last."""

    def rank(path: Path) -> tuple[bool, int, str]:
        name = path.stem.lower()
        styled = any(word in name for word in ("bold", "italic", "oblique", "black", "light", "thin", "mono"))
        known = next((place for place, start in enumerate(PREFERRED) if name.startswith(start)), len(PREFERRED))
        return styled, known, name

    return tuple(sorted(map(Path, findSystemFonts()), key=rank))


@cache
def font_with(letter: str, bold: bool = False) -> Path | None:
    """The font that draws a letter; None if no font of this machine has it."""
    for path in (own_font(bold), *machine_fonts()):
        if ord(letter) in _letters(path):
            return path
    return None


def runs(text: str, bold: bool = False) -> list[tuple[str, Path]]:
    """Splits a drawable text into parts of one font each; marks and joiners stay with the letter before them."""
    found = own_font(bold)
    fonts = []
    for letter in text:
        if unicodedata.category(letter) not in NO_SHAPE or ord(letter) in _letters(own_font(bold)):
            found = font_with(letter, bold) or found
        fonts.append(found)
    places = groupby(range(len(text)), key=fonts.__getitem__)
    return [("".join(text[place] for place in part), font) for font, part in places]


def drawable(text: str) -> str:
    """The text, with each letter that cannot be drawn spelled out."""
    if text.isascii() and text.isprintable():
        return text
    parts = groupby(unicodedata.normalize("NFC", text), key=lambda letter: font_with(letter) is not None)
    return "".join("".join(part) if known else spelled("".join(part)) for known, part in parts)


def substitutions(texts: Iterable[str]) -> dict[str, str]:
    """What is drawn instead, for each text that cannot be drawn as it is."""
    drawn = {text: drawable(text) for text in texts}
    return {text: other for text, other in sorted(drawn.items()) if other != unicodedata.normalize("NFC", text)}


def noted(settings: str, texts: Iterable[str]) -> str:
    """Settings (one line of JSON) that also say, under `drawn_instead`, which texts are spelled in the file."""
    other = substitutions(texts)
    return json.dumps({**json.loads(settings), "drawn_instead": other}, sort_keys=True) if other else settings


def warning_of(texts: Iterable[str]) -> str:
    """A sentence in ASCII that names the code points which no font here draws; empty where all are drawn."""
    other = substitutions(texts)
    letters = sorted({letter for text in other for letter in text if font_with(letter) is None})
    if not other:
        return ""
    codes = ", ".join(f"U+{ord(letter):04X}" for letter in letters[:NAMED_LETTERS])
    more = " and more" if len(letters) > NAMED_LETTERS else ""
    return f"no font here draws {codes}{more}: spelled in the file; install a font such as Noto Sans (fonts-noto)"


def spelled(text: str) -> str:
    """Letters in ASCII: by the sounds of their names, symbols as `:name:`, all else as code points in brackets."""
    parts: list[str] = []
    for letter in text:
        sound, name = _sound(letter), unicodedata.name(letter, "")
        if parts and parts[-1].endswith("a") and ("VOWEL SIGN" in name or "VIRAMA" in name):
            parts[-1] = parts[-1][:-1]  # the vowel that a letter of an Indic script has by itself
        if sound is None and parts and parts[-1].startswith("[U+"):
            parts[-1] = f"{parts[-1][:-1]} {ord(letter):04X}]"
        else:
            parts.append(f"[U+{ord(letter):04X}]" if sound is None else sound)
    return "".join(parts)


def _sound(letter: str) -> str | None:
    """How a letter is spelled; None where its name does not say."""
    normalised = unicodedata.normalize("NFKC", letter)
    if normalised.isascii():
        return normalised if normalised.isprintable() else " "
    category, name = unicodedata.category(letter), unicodedata.name(letter, "")
    for mark in _SPOKEN:
        if mark in name:
            return name.partition(mark)[2].partition(" WITH ")[0].replace(" ", "").lower()
    if category in NO_SHAPE:
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(letter))
    return f":{name.lower().replace(' ', '-')}:" if category in ("So", "Sm") and name else None


def _letters(path: Path) -> frozenset[int]:
    return _read(str(path))


@cache
def _read(path: str) -> frozenset[int]:
    """Code points that a font draws as outlines; none for a font that cannot be read or has bitmaps only."""
    try:
        font = FT2Font(path)
        return frozenset(font.get_charmap()) if font.scalable else frozenset()
    except (OSError, RuntimeError, ValueError):
        return frozenset()
