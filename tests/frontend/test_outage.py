"""The page while the API is down: it says so and continues by itself once the API is back."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support.browsing import VIEW, open_browser, ready, run_page
from tests.support.waiting import free_port
from tests.support.workplace import again, opened

pytestmark = pytest.mark.browser


def test_an_open_page_outlives_a_restart_of_the_api(tmp_path: Path, furnished: Path) -> None:
    port = free_port()
    with run_page(f"http://127.0.0.1:{port}", tmp_path) as address, open_browser() as browser:
        page = browser.new_context(viewport=VIEW).new_page()
        page.goto(f"{address}/train?section=runs")
        expect(page.get_by_text("The API is not answering")).to_be_visible(timeout=60_000)
        with opened(furnished, tmp_path, port) as work:
            expect(page.get_by_role("button", name="Stop and save")).to_be_visible(timeout=30_000)
        expect(page.get_by_text("The API is not answering").first).to_be_visible(timeout=30_000)
        with again(work, port):
            expect(page.get_by_role("button", name="Stop and save")).to_be_visible(timeout=30_000)
            page.goto(f"{address}/traversals?dim=2")
            ready(page)
        page.reload()
        expect(page.get_by_text("The API is not answering")).to_be_visible(timeout=30_000)
        with again(work, port):
            ready(page)
            assert "dim=2" in page.url
        expect(page.locator(".stException")).to_have_count(0)
