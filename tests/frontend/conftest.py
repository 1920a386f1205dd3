"""A stand-in of the API for the page's tests, over real HTTP, and the page as Streamlit's AppTest runs it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from streamlit import config

from tests.support.browsing import VIEW, open_browser, ready, run_page
from tests.support.pages import OpenPage, known_to_the_page, open_app
from tests.support.stand_in import World, serve


@pytest.fixture(autouse=True)
def own_main_module() -> Iterator[None]:
    """AppTest leaves the page's script as `__main__`, which a process that a later test starts would run again."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture(autouse=True)
def on_this_machine() -> None:
    """The page listens where `diswm ui` lets it: on the loopback address."""
    config.set_option("server.address", "127.0.0.1")


@pytest.fixture
def world() -> World:
    """What the stand-in knows: a workplace in use. A test may change it."""
    return World.furnished()


@pytest.fixture
def api(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """The address of a stand-in of the API, known to the page."""
    with serve(world) as address, known_to_the_page(address, monkeypatch, tmp_path):
        yield address


@pytest.fixture
def no_api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """An address, known to the page, at which nothing answers."""
    with known_to_the_page("http://127.0.0.1:9", monkeypatch, tmp_path):
        yield "http://127.0.0.1:9"


@pytest.fixture
def open_page(request: pytest.FixtureRequest) -> OpenPage:
    """Open a page, or a section of it, with a query, as a link does: `open_page("imagine/branch", context="3")`."""
    request.getfixturevalue("api")
    return lambda place, **query: open_app(place, query)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a page over a stand-in, for all tests of this file."""
    with serve(World.furnished()) as api, run_page(api, tmp_path_factory.mktemp("home")) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport=VIEW, accept_downloads=True)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, studio: str) -> Page:
    """The Traversals page, drawn."""
    page = context.new_page()
    page.goto(f"{studio}/traversals")
    ready(page)
    return page
