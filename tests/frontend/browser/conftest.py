"""One browser and one server of the page for all tests of this folder; each file has an application of its own.

To start them and to compile the page's scripts costs a file more processor time than most of its tests.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.support.browsing import open_browser, open_window, ready, run_page
from tests.support.waiting import free_port
from tests.support.workplace import Workplace, opened


@pytest.fixture(scope="package")
def port() -> int:
    """Where the application of each file listens, one after the other: the page's server knows one address."""
    return free_port()


@pytest.fixture(scope="package")
def pages(port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the page's server."""
    with run_page(f"http://127.0.0.1:{port}", tmp_path_factory.mktemp("home")) as address:
        yield address


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="package")
def window(browser: Browser, pages: str) -> Iterator[BrowserContext]:
    """A window of the page."""
    with open_window(browser, f"{pages}/_stcore/health") as window:
        yield window


@pytest.fixture(scope="module")
def studio_work(furnished: Path, port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    """The application behind `studio`."""
    with opened(furnished, tmp_path_factory.mktemp("workplace"), port) as work:
        yield work


@pytest.fixture(scope="module")
def studio(studio_work: Workplace, port: int, pages: str) -> str:
    """The address of the page over an application, for all tests of a file."""
    assert studio_work.address.endswith(f":{port}")
    return pages


@pytest.fixture
def context(window: BrowserContext) -> Iterator[BrowserContext]:
    """The window of one test: at its end its tabs are closed and what the page stored is forgotten."""
    before = window.pages
    yield window
    for tab in window.pages:
        if tab not in before:
            tab.close()
    window.clear_cookies()
    before[0].evaluate("localStorage.clear()")


@pytest.fixture
def phone(context: BrowserContext) -> Page:
    """A tab as wide and as high as a phone."""
    page = context.new_page()
    page.set_viewport_size({"width": 390, "height": 844})
    return page


@pytest.fixture
def page(context: BrowserContext, studio: str) -> Page:
    """The Traversals page, drawn."""
    page = context.new_page()
    page.goto(f"{studio}/traversals")
    ready(page)
    return page
