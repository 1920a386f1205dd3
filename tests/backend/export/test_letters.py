"""Every letter is drawn by our font, by a font of the machine, or spelled out, and then the file says so."""

import io
import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from PIL import Image

from backend.export import letters, typography
from backend.export.letters import drawable, font_with, machine_fonts, runs, spelled, substitutions, warning_of
from backend.export.options import ExportOptions
from backend.export.render import render_view
from backend.export.typography import text_width
from backend.interpret.names import DimensionName
from backend.interpret.view import TraversalView

Views = Callable[..., TraversalView]


@pytest.fixture(autouse=True)
def each_with_its_own_fonts() -> Iterator[None]:
    """Clears the font caches between tests."""
    for cached in (typography.font, typography.text_width):
        cached.cache_clear()
    yield
    for cached in (typography.font, typography.text_width):
        cached.cache_clear()


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without fonts of its own."""
    _with_fonts(monkeypatch)


def _with_fonts(monkeypatch: pytest.MonkeyPatch, *fonts: Path) -> None:
    monkeypatch.setattr(letters, "machine_fonts", lambda: fonts)
    letters.font_with.cache_clear()
    monkeypatch.setattr(letters, "font_with", letters.font_with.__wrapped__)


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("hip angle", "hip angle"),
        ("größe κ ω колено", "größe κ ω колено"),
        ("ركبة", "ركبة"),
        ("左膝角度", "[U+5DE6 819D 89D2 5EA6]"),
        ("knee 🦵", "knee :leg:"),
        ("घुटना", "ghuttanaa"),
        ("무릎", "mureup"),
        ("Ａ１", "A1"),
        ("two\tlines\n", "two lines "),
    ],
)
def test_a_letter_without_a_font_is_spelled(name: str, drawn: str) -> None:
    assert drawable(name) == drawn


@pytest.mark.usefixtures("bare")
def test_what_is_spelled_is_told_in_ascii() -> None:
    assert substitutions(["hip", "左"]) == {"左": "[U+5DE6]"}
    assert warning_of(["hip"]) == ""
    told = warning_of(["左膝", "knee 🦵"])
    assert told.isascii()
    assert "U+5DE6, U+819D, U+1F9B5" in told


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("format", ["png", "pdf", "svg", "gif", "mp4", "apng"])
def test_no_box_is_drawn_and_the_file_says_what_is(bright: Views, format: str) -> None:
    names = ("左膝角度", "ركبة", "knee 🦵")
    labels = tuple(DimensionName(dim, name, "person", None, None, None) for dim, name in enumerate(names))
    view = replace(bright(3, 3), labels=labels)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        content = render_view(view, format, ExportOptions())
    if format == "png":
        told = json.loads(Image.open(io.BytesIO(content)).info["diswm"])
        assert told["drawn_instead"]["dim 0: 左膝角度"] == "dim 0: [U+5DE6 819D 89D2 5EA6]"
        assert "dim 1: ركبة" not in told["drawn_instead"]


def test_a_font_of_the_machine_draws_what_ours_lacks(
    bright: Views, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    font = square_font(tmp_path / "Square.ttf", "左")
    _with_fonts(monkeypatch, font)
    assert drawable("a左") == "a左"
    assert [path.name for _, path in runs("a左")] == ["DejaVuSans.ttf", "Square.ttf"]
    assert text_width("left of 左 here", 7.5) > text_width("left of  here", 7.5)
    view = replace(bright(1, 3), labels=(DimensionName(0, "a左", "person", None, None, None),))
    for format in ("png", "pdf", "svg", "gif"):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            render_view(view, format, ExportOptions())


def test_fonts_of_the_machine_are_files_that_are_there() -> None:
    assert all(path.is_file() for path in machine_fonts())


def test_every_letter_is_spelled_in_ascii() -> None:
    for code in (0x41, 0x300, 0x905, 0x94D, 0x0E01, 0x4E00, 0xAC00, 0x1F600, 0x200D, 0xE000, 0xD800, 0x10FFFF):
        assert spelled(chr(code)).isascii()


def square_font(path: Path, letter: str) -> Path:
    """A font that draws one letter, as a square."""
    pen = TTGlyphPen(None)
    for step, place in enumerate([(100, 0), (100, 800), (900, 800), (900, 0)]):
        (pen.lineTo if step else pen.moveTo)(place)
    pen.closePath()
    empty = TTGlyphPen(None).glyph()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "square"])
    builder.setupCharacterMap({ord(letter): "square"})
    builder.setupGlyf({".notdef": empty, "square": pen.glyph()})
    builder.setupHorizontalMetrics({".notdef": (1000, 0), "square": (1000, 100)})
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable({"familyName": "Square of a test", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=900, sTypoDescender=-100)
    builder.setupPost()
    builder.save(path)
    return path


@pytest.mark.parametrize("name", ["घुटना", "左膝角度", "무릎"])
def test_fonts_of_this_machine_draw_the_scripts_that_they_have(bright: Views, name: str) -> None:
    drawn = all(font_with(letter) is not None for letter in name)
    view = replace(bright(1, 3), labels=(DimensionName(0, name, "person", None, None, None),))
    for format in ("png", "pdf", "svg", "gif"):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            content = render_view(view, format, ExportOptions())
        if format == "png":
            assert ("drawn_instead" in json.loads(Image.open(io.BytesIO(content)).info["diswm"])) != drawn
