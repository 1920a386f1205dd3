"""Every page and section, checked by axe-core: nothing serious or critical, light and dark."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from frontend.pages import PAGES
from tests.support.workplace import Workplace

pytestmark = pytest.mark.browser

AXE = (Path(__file__).parents[2] / "support" / "axe" / "axe.min.js").read_text()
PLACES = [(name, section) for name, page in PAGES.items() for section in page.sections or [""]]
BUSY = (
    ", ".join(f"[data-testid={name}]" for name in ("stSkeleton", "stSpinner", "stStatusWidget", "stAppSkeleton"))
    + ", [data-state=loading]"
)
COLOURS = ["color-contrast", "link-in-text-block"]  # the rules that a colour scheme decides
RUN = """async only => (await axe.run(document, { resultTypes: ["violations"], ...(only && { runOnly: only }) }))
    .violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`)"""


@pytest.fixture(autouse=True)
def no_run_goes_on(studio_work: Workplace) -> None:
    """A part that is redrawn every second is faint."""
    studio_work.change("run-walker", state="succeeded")


@pytest.fixture(scope="module")
def page(window: BrowserContext) -> Iterator[Page]:
    """One tab for all places."""
    page = window.new_page()
    yield page
    page.close()


@pytest.mark.parametrize(("name", "section"), PLACES)
def test_axe_finds_nothing_serious_in_light_and_in_dark(page: Page, studio: str, name: str, section: str) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(f"{studio}/{'' if name == 'home' else name}?section={section}", wait_until="commit")
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=60_000)
    expect(page.locator(BUSY)).to_have_count(0, timeout=60_000)
    page.evaluate(AXE)
    assert faults_of(page) == []
    light = page.locator(".stApp").evaluate("e => getComputedStyle(e).backgroundColor")
    page.emulate_media(color_scheme="dark")
    expect(page.locator(".stApp")).not_to_have_css("background-color", light)
    expect(page.locator(BUSY)).to_have_count(0)
    assert faults_of(page, COLOURS) == []
    title = "DisWM Studio" if name == "home" else f"{PAGES[name].title} · DisWM Studio"
    assert page.title() == title


def faults_of(page: Page, rules: list[str] | None = None) -> list[str]:
    """What axe finds, by some rules or by all; it looks again, as parts that fade in have low contrast for a moment."""
    for _ in range(5):
        found: list[str] = page.evaluate(RUN, rules)
        if not found:
            break
        page.wait_for_timeout(1000)
    return found


def test_axe_finds_a_picture_without_words(context: BrowserContext) -> None:
    page = context.new_page()
    page.set_content('<html lang="en"><title>x</title><main><h1>x</h1><img src="data:,"></main></html>')
    page.evaluate(AXE)
    assert any(found.startswith("image-alt") for found in page.evaluate(RUN))
