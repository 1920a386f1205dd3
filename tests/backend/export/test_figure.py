"""Figures are vector text over exact pixels, carry their settings, and are the same bytes each time."""

import io
import json
import re
import zlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from backend.export.figure import draw_figure, drawing, heat_map, render_figure
from backend.export.layout import TRACK, Layout
from backend.export.options import ExportOptions
from backend.export.typography import shorten, text_width, wrap
from backend.interpret.names import DimensionName
from backend.interpret.request import ViewError
from backend.interpret.view import TraversalView

Views = Callable[..., TraversalView]
WIDTHS = (3.25, 5.5, 6.875)


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def drawn_texts(view: TraversalView, options: ExportOptions | None = None) -> set[str]:
    """The text in the figure."""
    with drawing():
        return {text.get_text() for text in draw_figure(view, options or ExportOptions()).axes[0].texts}


@pytest.mark.parametrize("width", WIDTHS)
def test_every_pixel_of_a_cell_is_a_square_of_dots(bright: Views, width: float) -> None:
    view = bright(3, 7)
    layout = Layout(view, width, width > 4)
    figure = pixels(render_figure(view, "png", ExportOptions(width=width)))
    dots = round(layout.cell * layout.dpi / 64)
    for row, column in ((0, 0), (1, 4), (2, 6)):
        left, top = round(layout.column(column) * layout.dpi), round(layout.row(row) * layout.dpi)
        cell = figure[top : top + 64 * dots, left : left + 64 * dots]
        expected = view.images[row, column].repeat(dots, 0).repeat(dots, 1)
        inner = np.s_[2 * dots : -2 * dots, 2 * dots : -2 * dots]  # the box lies over the outermost pixels
        assert np.array_equal(cell[inner], expected[inner])


@pytest.mark.parametrize("width", WIDTHS)
def test_a_figure_has_the_width_of_the_paper_at_300_dots_an_inch(bright: Views, width: float) -> None:
    image = Image.open(io.BytesIO(render_figure(bright(), "png", ExportOptions(width=width))))
    dots = image.info["dpi"][0]
    assert dots >= 299
    assert image.width / dots == pytest.approx(width, abs=0.02)


def test_pdf_text_is_text_in_embedded_fonts(bright: Views) -> None:
    pdf = render_figure(bright(), "pdf")
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf
    streams = re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL)
    texts = b"".join(zlib.decompressobj().decompress(part) for part in streams if part[:1] == b"\x78")
    assert b" Tf" in texts


def test_svg_needs_no_font_and_no_network(bright: Views) -> None:
    svg = render_figure(bright(), "svg").decode()
    assert "<text" not in svg
    assert "font-family" not in svg
    assert set(re.findall(r'xlink:href="(data:image/png|#|http)', svg)) == {"data:image/png", "#"}


@pytest.mark.parametrize("format", ["png", "svg", "pdf"])
def test_equal_views_give_equal_bytes_without_a_date(bright: Views, format: str) -> None:
    first, second = (render_figure(bright(), format) for _ in range(2))
    assert first == second
    assert b"CreationDate" not in first


def test_a_png_carries_its_settings(bright: Views) -> None:
    view = bright()
    information = Image.open(io.BytesIO(render_figure(view, "png"))).info
    assert json.loads(information["diswm"])["view"] == view.request.to_json()


def test_one_colour_scale_serves_all_figures() -> None:
    weak, strong = np.full((4, 4), 0.1, np.float32), np.full((4, 4), 0.4, np.float32)
    assert heat_map(weak).max() < heat_map(strong).max(), "what hardly changes is dark, whatever stands beside it"
    assert np.array_equal(heat_map(strong + 0.2), heat_map(strong + 0.5))


def test_bars_of_kl_have_one_scale_whatever_else_is_shown(bright: Views) -> None:
    def blue(kl: float) -> int:
        view = replace(bright(1, 3), kl=np.array([kl]))
        return int((pixels(render_figure(view, "png")) == (0x9D, 0xB4, 0xCF)).all(axis=-1).sum())

    assert blue(0.0) == 0
    assert blue(2.0) == pytest.approx(2 * blue(1.0), rel=0.1)
    assert blue(5.0) == blue(50.0)


def test_the_frame_is_marked_where_it_lies(bright: Views) -> None:
    view = replace(bright(1, 7), mean=np.zeros(6), std=np.ones(6))
    own = view.frame.copy()
    own[0] = view.values[0, 4] + 0.5 * (view.values[0, 5] - view.values[0, 4])
    layout = Layout(view, 5.5, True)
    figure = pixels(render_figure(replace(view, frame=own), "png"))
    line = round((layout.row(0) + layout.cell + TRACK - 0.035) * layout.dpi)
    dark = np.flatnonzero((figure[line] < 40).all(axis=-1)) / layout.dpi
    assert dark.mean() == pytest.approx(layout.place(4.5), abs=0.01)


def test_a_figure_prints_the_numbers_of_the_view(bright: Views) -> None:
    texts = drawn_texts(replace(bright(1, 3), mean=np.ones(6), std=np.full(6, 2.0)))
    assert {"−2.00", "−0.50", "+1.00 σ"} <= texts
    assert any(text.startswith("range: latent 0 ± 3, equal steps") for text in texts)


def test_words_about_the_view_can_be_left_out(bright: Views) -> None:
    told, bare = drawn_texts(bright(2, 3)), drawn_texts(bright(2, 3), ExportOptions(title=False))
    assert "original" in told
    assert not any(text.startswith(("original", "base", "range", "Latent")) for text in bare)
    assert {"KL", "change", "dim 0: hip angle"} <= bare
    assert len(bare) < len(told)


@pytest.mark.parametrize("name", ["$5 vs $10", "cost $x_{1$", "$$", r"$\foo$", "50 % & 3_4 # {a} ~b ^c \\d"])
def test_signs_of_mathematics_in_a_name_stand_as_typed(bright: Views, name: str) -> None:
    label = DimensionName(0, name, "person", None, None, None)
    view = replace(bright(1, 3), labels=(label,), checkpoint_name=name)
    for format in ("png", "pdf", "svg"):
        render_figure(view, format)
    assert name.split(maxsplit=1)[0] in " ".join(drawn_texts(view))
    assert f"Latent traversal, {name}" in drawn_texts(view)


@pytest.mark.parametrize("columns", [1, 3, 11, 33])
@pytest.mark.parametrize("width", WIDTHS)
def test_printed_values_never_touch_and_hold_the_frame_itself(bright: Views, columns: int, width: float) -> None:
    layout = Layout(bright(2, columns), width, False)
    shown, digits = layout.printed
    assert columns // 2 in shown
    widest = text_width("+3.00" if digits == 2 else "+3.0", 7.0)
    steps = np.diff(shown) * (layout.cell + layout.gap)
    assert (steps >= widest).all()


def test_text_is_wrapped_between_words_and_cut_where_it_must_be() -> None:
    assert wrap("dim 3: right hip angle", 7.5, 0.7) == ["dim 3: right", "hip angle"]
    assert shorten("a rather long caption", 7.5, 0.5).endswith("…")
    assert text_width(shorten("a rather long caption", 7.5, 0.5), 7.5) <= 0.5


def test_what_cannot_be_drawn_is_refused(bright: Views) -> None:
    with pytest.raises(ViewError, match="width"):
        render_figure(bright(), "png", ExportOptions(width=4.0))
    with pytest.raises(ViewError, match="format"):
        render_figure(bright(), "bmp")
