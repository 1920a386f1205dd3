"""The whole page in a real browser: contrast, Back, phones, the first screen, keyboard focus."""

import io
import re
from typing import Literal
from urllib.parse import urlsplit

import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Page, Request, expect

from tests.support.browsing import PAGE_SCRIPT_HAS_RUN, drag, ready
from tests.support.recorded import CARTPOLE, FINGER
from tests.support.waiting import until

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_are_readable_in_both_themes(
    context: BrowserContext, studio: str, theme: Literal["light", "dark"]
) -> None:
    page = context.new_page()
    page.emulate_media(color_scheme=theme)
    page.goto(f"{studio}/traversals")
    ready(page)
    text = page.locator(".readout .title").evaluate("e => getComputedStyle(e).color")
    ground = Image.open(io.BytesIO(page.screenshot())).convert("RGB").getpixel((20, 900))
    assert _contrast(tuple(int(part) for part in re.findall(r"\d+", text)[:3]), ground) > 7


def test_nothing_is_fetched_from_elsewhere(context: BrowserContext, studio: str) -> None:
    hosts: set[str | None] = set()

    def note(request: Request) -> None:
        hosts.add(urlsplit(request.url).hostname)

    page = context.new_page()
    page.on("request", note)
    for name, part in (("traversals", ".scrubber"), ("imagine", ".player"), ("", ".scrubber")):
        page.goto(f"{studio}/{name}")
        ready(page, part)
    assert hosts <= {"127.0.0.1", None, ""}


def _contrast(one: tuple[int, ...], other: object) -> float:
    """The contrast ratio of two colours (WCAG)."""
    assert isinstance(other, tuple)
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: tuple[int, ...]) -> float:
    parts = [part / 255 for part in colour]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return float(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])


def test_back_leaves_the_page_at_the_first_press(context: BrowserContext, studio: str) -> None:
    page = context.new_page()
    page.goto(f"{studio}/factors?checkpoint={FINGER}")
    expect(page).to_have_title("Factors · DisWM Studio", timeout=60_000)
    page.wait_for_selector(PAGE_SCRIPT_HAS_RUN, state="attached")
    page.get_by_role("link", name="Traversals", exact=True).first.click()
    ready(page)
    for end in (0.3, 0.6, 0.9):
        drag(page, 1, 0.1, end)
        expect(page).to_have_url(re.compile(f"column={int(end * 11)}"))
    page.wait_for_timeout(1000)  # until nothing more is told
    page.go_back()
    expect(page).to_have_url(re.compile("/factors"))
    expect(page).to_have_title("Factors · DisWM Studio")


def test_on_a_phone_the_menu_closes_after_a_choice_and_icons_are_not_read(phone: Page, studio: str) -> None:
    phone.goto(f"{studio}/train?section=runs")
    phone.wait_for_selector(PAGE_SCRIPT_HAS_RUN, state="attached", timeout=60_000)
    menu = phone.get_by_test_id("stExpandSidebarButton")
    menu.click(timeout=60_000)
    phone.get_by_test_id("stSidebar").get_by_role("link", name="Traversals", exact=True).click()
    ready(phone)
    expect(menu).to_be_visible()  # it is there only while the menu is closed
    phone.reload()
    ready(phone)
    expect(menu).to_be_visible()


def test_picture_grid_held_values_and_help_are_above_the_fold(context: BrowserContext, studio: str) -> None:
    page = context.new_page()
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{studio}/traversals?edits=1:1.0")
    ready(page)
    page.locator(".ask").click()
    for part in (".picture", ".keep", ".held button", ".help", ".row >> nth=5"):
        box = page.locator(part).first.bounding_box()
        assert box and box["y"] + box["height"] <= 900, part


@pytest.mark.parametrize(
    ("place", "part", "picture"),
    [
        ("", ".scrubber", ".picture"),
        ("traversals", ".scrubber", ".picture"),
        ("factors", "", "table.matrix td"),
        ("imagine", ".player", ".pictures canvas"),
        ("imagine?section=branch", ".player", ".pictures canvas"),
        ("imagine?section=simulator", ".player", ".pictures canvas"),
        (f"imagine?section=imitation&checkpoint={CARTPOLE}", ".player", ".pictures canvas"),
        (f"imagine?section=play&checkpoint={CARTPOLE}", ".board", ".real canvas"),
    ],
)
def test_on_a_phone_the_first_picture_is_above_the_fold(
    phone: Page, studio: str, place: str, part: str, picture: str
) -> None:
    phone.goto(f"{studio}/{place}")
    if part:
        ready(phone, part)
    first = phone.locator(picture).first
    expect(first).to_be_visible(timeout=60_000)
    until(lambda: (box := first.bounding_box()) and box["y"] + box["height"] <= 844, 10)  # once what loads is there


def test_on_a_phone_the_open_section_is_in_view(phone: Page, studio: str) -> None:
    phone.goto(f"{studio}/imagine?section=imitation&checkpoint={CARTPOLE}")
    ready(phone, ".player")
    box = phone.get_by_role("radio", name="Imitation").bounding_box()
    assert box and box["x"] >= 0 and box["x"] + box["width"] <= 390


def test_a_button_says_at_once_what_was_chosen_behind_it(context: BrowserContext, studio: str) -> None:
    page = context.new_page()
    page.goto(f"{studio}/imagine?context=4")
    ready(page, ".player")
    page.get_by_role("button", name="Episode 0: 4 seen").click()
    page.get_by_role("slider", name="Observed frames").press("ArrowRight")
    expect(page.get_by_role("button", name="Episode 0: 5 seen")).to_be_visible()
    expect(page).to_have_url(re.compile("context=5|^((?!context).)*$"))


def test_the_first_strip_is_two_keys_away(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Skip to the pictures")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".strip").first).to_be_focused()
    page.keyboard.press("End")
    expect(page.locator(".readout b").first).to_have_text("+2.00")
