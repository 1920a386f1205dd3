"""The real application over a small home for the page's tests, and the page as Streamlit's AppTest runs it."""

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from streamlit import config
from streamlit.components.v2 import manifest_scanner

from backend.data.clip import Clip
from tests.support.furnished import furnish
from tests.support.pages import OpenPage, known_to_the_page, open_app
from tests.support.workplace import OpenWorkplace, Workplace, opened


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


@pytest.fixture(scope="session", autouse=True)
def _packages_are_searched_once() -> Iterator[None]:
    """Each AppTest reads what all installed packages say of themselves; they do not change while tests run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory, moving_squares: Clip) -> Path:
    """A home in use, to be copied."""
    folder = tmp_path_factory.mktemp("furnished") / "studio"
    furnish(folder, moving_squares)
    return folder


@pytest.fixture(scope="session")
def open_workplace(furnished: Path, tmp_path_factory: pytest.TempPathFactory) -> OpenWorkplace:
    """Opens the application over a furnished home of its own: `with open_workplace() as work`."""
    return lambda: opened(furnished, tmp_path_factory.mktemp("workplace"))


@pytest.fixture
def work(open_workplace: OpenWorkplace) -> Iterator[Workplace]:
    """The application over a home in use. A test may change any of it."""
    with open_workplace() as work:
        yield work


@pytest.fixture
def api(work: Workplace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """The address of the application, known to the page."""
    with known_to_the_page(work.address, monkeypatch, tmp_path):
        yield work.address


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
def studio_work(open_workplace: OpenWorkplace) -> Iterator[Workplace]:
    """One application over a home in use, for all tests of a file."""
    with open_workplace() as work:
        yield work


@pytest.fixture
def open_shared(studio_work: Workplace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[OpenPage]:
    """As `open_page`, over the application of the file: a test changes nothing but its `problem`."""
    with known_to_the_page(studio_work.address, monkeypatch, tmp_path):
        yield lambda place, **query: open_app(place, query)
    studio_work.problem = None
