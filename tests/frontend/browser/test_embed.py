"""A view inside another page, of another origin: what the copied `<iframe>` shows there."""

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from frontend.components.share import embedded
from tests.support.recorded import FINGER

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address of a server of files that shows it: another host than the page's."""
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield tmp_path, f"http://localhost:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


@pytest.mark.parametrize(
    ("link", "drawn"),
    [
        (f"traversals?checkpoint={FINGER}&dim=5", ".scrubber[data-state=ready]"),
        (f"factors?checkpoint={FINGER}&section=dimensions&dim=5", "[class*=st-key-card-detail] img"),
    ],
)
def test_a_traversal_and_a_card_are_shown_within_a_page_of_another_origin(
    link: str, drawn: str, studio: str, context: BrowserContext, elsewhere: tuple[Path, str]
) -> None:
    folder, address = elsewhere
    (folder / "blog.html").write_text(f"<h1>Blog</h1>{embedded(f'{studio}/{link}')}")
    page, said = context.new_page(), list[str]()
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.goto(f"{address}/blog.html")
    inside = page.frame_locator("iframe")
    expect(inside.locator(drawn).first).to_be_visible(timeout=60_000)
    expect(inside.get_by_role("navigation")).to_have_count(0)
    assert not [text for text in said if "frame" in text.lower() or "refused" in text.lower()]


def test_an_embedded_strip_is_scrubbed_where_it_is(
    studio: str, context: BrowserContext, elsewhere: tuple[Path, str]
) -> None:
    folder, address = elsewhere
    (folder / "blog.html").write_text(embedded(f"{studio}/traversals?checkpoint={FINGER}"))
    page = context.new_page()
    page.goto(f"{address}/blog.html")
    inside = page.frame_locator("iframe")
    expect(inside.locator(".scrubber[data-state=ready]")).to_be_visible(timeout=60_000)
    strip = inside.locator(".strip").first
    strip.focus()
    before = strip.get_attribute("aria-valuetext")
    strip.press("ArrowRight")
    expect(strip).not_to_have_attribute("aria-valuetext", str(before))
