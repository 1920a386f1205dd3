"""A stand-in of the API for the page's tests, over real HTTP, and the page as Streamlit's AppTest runs it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest

sys.path.insert(0, str(Path(__file__).parent))  # the helpers beside this file

from stand_in import World, serve

from frontend.client import client, connect

APP = Path(__file__).parents[2] / "frontend" / "app.py"

OpenPage = Callable[..., AppTest]


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


@contextmanager
def known_to_the_page(address: str, monkeypatch: pytest.MonkeyPatch, home: Path) -> Iterator[None]:
    """The page's settings for a while; its kept connections are closed at the end."""
    monkeypatch.setenv("DISWM_HOME", str(home))
    monkeypatch.setenv("DISWM_API_URL", address)
    monkeypatch.delenv("DISWM_TOKEN", raising=False)
    yield
    client().close()
    connect.cache_clear()


@pytest.fixture
def open_page(request: pytest.FixtureRequest) -> OpenPage:
    """Open a page with a query, as a link does: `open_page("traversals", frame="3")`."""
    request.getfixturevalue("api")
    return lambda page, **query: open_app(page, query)


def open_app(page: str, query: dict[str, str]) -> AppTest:
    """The app, switched to a page."""
    app = AppTest.from_file(str(APP), default_timeout=30)
    app.run()
    app.query_params.clear()
    for name, value in query.items():
        app.query_params[name] = value
    return app.switch_page(f"views/{page}.py").run()
