"""The interactive page opens from disk in a real browser, without a network, and follows mouse and keys."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from playwright.sync_api import Page

from backend.export.options import signed
from backend.export.viewer import render_viewer
from backend.interpret.names import DimensionName
from backend.interpret.view import TraversalView
from tests.support.browsing import open_browser

Views = Callable[..., TraversalView]
FIRST_AND_LAST = """band => [0, band.width - 1].map(x => band.getContext("2d").getImageData(x, 0, 1, 1).data[3])"""


def test_a_page_of_20_by_11_cells_stays_under_five_megabytes(bright: Views) -> None:
    view = bright(20, 11)
    noisy = np.random.default_rng(0).integers(-6, 7, view.images.shape)
    noise = replace(view, images=np.clip(view.images + noisy, 0, 255).astype(np.uint8))
    assert len(render_viewer(noise)) < 5_000_000


def test_a_page_asks_for_nothing_from_elsewhere(bright: Views) -> None:
    page = render_viewer(bright(2, 3)).decode()
    assert "@@" not in page
    assert not re.search(r"""(src|href)\s*=\s*["'](?!data:)""", page)
    assert not re.search(r"fetch\(|XMLHttpRequest|@import|url\(", page)


def test_a_name_cannot_break_out_of_the_page(bright: Views) -> None:
    evil = DimensionName(0, "</script><img src=x onerror=alert(1)>", "person", None, None, None)
    view = replace(bright(1, 3), labels=(evil,), checkpoint_name="<b>bold</b>")
    page = render_viewer(view).decode()
    assert page.count("</script>") == 2
    assert "<b>bold" not in page
    data = json.loads(page.partition('id="data">')[2].partition("</script>")[0])
    assert data["rows"][0]["title"].startswith("dim 0: </script>")


def test_the_page_has_the_numbers_of_the_view_in_its_unit(bright: Views) -> None:
    view = bright(2, 5)
    data = json.loads(render_viewer(view).decode().partition('id="data">')[2].partition("</script>")[0])
    assert data["unit"] == "σ of the data"
    for row, told in enumerate(data["rows"]):
        assert told["sigmas"] == pytest.approx(view.sigmas[row], abs=1e-4)
        assert told["frame"] == pytest.approx(
            {"sigma": view.mark(row).sigma, "column": view.mark(row).column}, abs=1e-4
        )
        assert told["held"] is None
        assert "doubt" not in told, "a model with one prior disagrees with nobody"


@pytest.fixture
def page(bright: Views, tmp_path: Path) -> Iterator[Page]:
    with opened_page(bright, tmp_path) as page:
        yield page


@contextmanager
def opened_page(
    bright: Views, tmp_path: Path, motion: Literal["reduce", "no-preference"] = "no-preference"
) -> Iterator[Page]:
    view = replace(bright(3, 7), doubt=np.linspace(0.5, 4, 21, dtype=np.float32).reshape(3, 7))
    (tmp_path / "view.html").write_bytes(render_viewer(view))
    with open_browser() as browser:
        context = browser.new_context(offline=True, reduced_motion=motion)
        opened = context.new_page()
        errors: list[str] = []
        opened.on("pageerror", lambda error: errors.append(str(error)))
        opened.goto((tmp_path / "view.html").as_uri())
        opened.wait_for_selector("body[data-state=ready]")
        yield opened
        assert errors == []


@pytest.mark.browser
def test_keys_and_mouse_scrub_in_the_browser(page: Page) -> None:
    slider, name = page.locator("#slider"), page.locator("#name")
    assert name.inner_text() == "dim 0: hip angle (NMI .81)"
    bands = page.locator(".row .doubt")
    assert bands.count() == 3
    assert "Doubt about what follows" in str(bands.first.get_attribute("aria-label"))
    assert bands.first.evaluate(FIRST_AND_LAST) == [32, 99], "a quarter of the shade at the usual, full at four times"
    assert slider.input_value() == "3"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert slider.input_value() == "4"
    assert name.inner_text().startswith("dim 1")
    box = page.locator("#picture").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 2, box["y"] + 20)
    assert slider.input_value() == "0"
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 20)
    assert slider.input_value() == "6"
    page.keyboard.press("0")
    assert slider.input_value() == "3"
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()


@pytest.mark.browser
def test_the_picture_is_the_cell_and_playing_stops(page: Page) -> None:
    page.keyboard.press("ArrowRight")
    shown = page.evaluate(
        "Array.from(document.getElementById('picture').getContext('2d').getImageData(5, 60, 1, 1).data)"
    )
    assert shown == [20, 240, 90, 255]
    page.keyboard.press("0")
    play = page.get_by_role("button", name="Play")
    assert play.get_attribute("aria-pressed") == "false"
    page.keyboard.press(" ")
    page.wait_for_function("document.getElementById('slider').value !== '3'")
    page.keyboard.press(" ")
    place = page.locator("#slider").input_value()
    page.wait_for_timeout(300)
    assert page.locator("#slider").input_value() == place
    alt = page.locator("#picture").get_attribute("aria-label")
    assert alt is not None
    assert "hip angle" in alt


@pytest.mark.browser
def test_where_less_motion_is_wanted_nothing_plays_by_itself(bright: Views, tmp_path: Path) -> None:
    with opened_page(bright, tmp_path, "reduce") as page:
        before = int(page.locator("#slider").input_value())
        page.get_by_role("button", name="Step").click()
        page.wait_for_timeout(400)
        assert int(page.locator("#slider").input_value()) == before + 1


@pytest.mark.browser
def test_the_frame_itself_is_its_reconstruction_with_its_value(bright: Views, tmp_path: Path) -> None:
    view = bright(3, 7)
    with opened_page(bright, tmp_path) as page:
        assert page.locator("#value").inner_text() == f"frame: {signed(view.mark(0).sigma, 2)} σ"
        page.keyboard.press("ArrowRight")
        assert page.locator("#value").inner_text().endswith(" σ")
        page.get_by_role("button", name="The frame itself").click()
        assert page.locator("#value").inner_text().startswith("frame: ")
