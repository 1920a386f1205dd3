"""The page as Streamlit's AppTest runs it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from frontend.client import client, connect
from frontend.pages import path

APP = Path(__file__).parents[2] / "frontend" / "app.py"

OpenPage = Callable[..., AppTest]


@contextmanager
def known_to_the_page(address: str, monkeypatch: pytest.MonkeyPatch, home: Path) -> Iterator[None]:
    """The page's settings within a context; its connections are closed at the end."""
    monkeypatch.setenv("DISWM_HOME", str(home))
    monkeypatch.setenv("DISWM_API_URL", address)
    monkeypatch.delenv("DISWM_TOKEN", raising=False)
    yield
    client().close()
    connect.cache_clear()


def open_app(place: str, query: dict[str, str]) -> AppTest:
    """The app opened at a page, or a section of it (`imagine/branch`), as a link opens it."""
    page, _, section = place.partition("/")
    query = {"section": section, **query} if section else query
    app = AppTest.from_file(str(APP), default_timeout=90)  # seconds; a busy machine loads a model slowly
    if Path(path(page)).stem != page:  # before its first run, the test's browser knows pages by their files only
        app.run()
        app.query_params.clear()
    for name, value in query.items():
        app.query_params[name] = value
    return app.switch_page(path(page)).run()
