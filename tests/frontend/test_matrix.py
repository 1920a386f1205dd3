"""The matrix of the Factors page in a real browser: cells lead to traversals by mouse and by keyboard."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.browsing import VIEW, open_browser, ready, run_page
from tests.support.stand_in import World, serve

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """One page for all tests of this file."""
    home: Path = tmp_path_factory.mktemp("home")
    with serve(World.furnished()) as api, run_page(api, home) as address, open_browser() as browser:
        page = browser.new_context(viewport=VIEW).new_page()
        page.goto(f"{address}/factors?checkpoint=cartpole-small")
        yield page


def test_a_deep_link_opens_without_a_failed_request(page: Page) -> None:
    failed: list[str] = []
    page.on("response", lambda answer: failed.append(f"{answer.status} {answer.url}") if not answer.ok else None)
    page.reload()
    expect(page.locator(".matrix tbody button").first).to_be_visible()
    assert failed == []


def open_matrix(page: Page) -> None:
    page.get_by_role("link", name="Factors").first.click()
    expect(page.locator(".matrix tbody button").first).to_be_visible()


def test_a_cell_leads_to_the_traversal_of_its_dimension(page: Page) -> None:
    open_matrix(page)
    row = page.locator(".matrix tbody tr").nth(3)
    expect(row.locator("th")).to_have_text("dim 3: floor hue")
    cell = row.locator("td button").nth(3)
    assert "beyond chance (.06)" in (cell.get_attribute("aria-label") or "")
    assert "within chance" in (row.locator("td button").nth(5).get_attribute("aria-label") or "")
    cell.click()
    page.wait_for_url("**/traversals?*dim=3*")
    ready(page)
    expect(page.locator(".readout .title")).to_have_text("dim 3: floor hue")


def test_arrows_move_and_enter_chooses(page: Page) -> None:
    open_matrix(page)
    page.locator(".matrix tbody th button").first.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "End", "ArrowUp", "Home"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    page.wait_for_url("**/traversals?*dim=1*")
    ready(page)
