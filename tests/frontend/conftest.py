"""A stand-in of the API for the page's tests, over real HTTP, and the page as Streamlit's AppTest runs it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit import config

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
