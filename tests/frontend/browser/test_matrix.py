"""The matrix of the Factors page in a real browser: cells lead to traversals by mouse and by keyboard."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.support.browsing import ready
from tests.support.recorded import FINGER
from tests.support.workplace import Workplace

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(window: BrowserContext, studio: str) -> Iterator[Page]:
    """One page for all tests of this file."""
    page = window.new_page()
    page.goto(f"{studio}/factors?checkpoint={FINGER}")
    yield page
    page.close()


def test_a_deep_link_opens_without_a_failed_request(page: Page) -> None:
    failed: list[str] = []
    page.on("response", lambda answer: failed.append(f"{answer.status} {answer.url}") if not answer.ok else None)
    page.reload()
    expect(page.locator(".matrix tbody button").first).to_be_visible()
    assert failed == []


def open_matrix(page: Page) -> None:
    page.get_by_role("link", name="Factors").first.click()
    expect(page.locator(".matrix tbody button").first).to_be_visible()


def test_a_cell_leads_to_the_traversal_of_its_dimension(page: Page, studio_work: Workplace) -> None:
    table = studio_work.get(f"/checkpoints/{FINGER}/factors")
    entry = max(table["dimensions"], key=lambda item: item["nmi"])
    row = page.locator(".matrix tbody tr").filter(has_text=f"dim {entry['dim']}: {entry['name']}")
    open_matrix(page)
    labels = row.locator("td button").evaluate_all("cells => cells.map((cell) => cell.ariaLabel)")
    best = next(place for place, label in enumerate(labels) if "beyond chance (." in label)
    assert any("within chance" in label for label in labels)
    row.locator("td button").nth(best).click()
    page.wait_for_url(f"**/traversals?*dim={entry['dim']}*")
    ready(page)
    expect(page.locator(".readout .title")).to_have_text(f"dim {entry['dim']}: {entry['name']}")


def test_arrows_move_and_enter_chooses(page: Page) -> None:
    open_matrix(page)
    page.locator(".matrix tbody th button").first.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "End", "ArrowUp", "Home"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    page.wait_for_url("**/traversals?*dim=1*")
    ready(page)
