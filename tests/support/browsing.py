"""The page in a real browser, for the tests that need real pixels."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from backend.cli.doctor import installed_browser
from tests.support.waiting import free_port

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --process-per-site --force-prefers-reduced-motion "
    "--js-flags=--no-opt,--no-maglev,--single-threaded-gc"  # a page lives for seconds: compiling it well never pays
).split()
APP = Path(__file__).parents[2] / "frontend" / "server.py"
VIEW = {"width": 1440, "height": 1000}

expect.set_options(timeout=20_000)  # a machine that trains beside the tests is slow to answer

PAGE_SCRIPT_HAS_RUN = "html[data-diswm-page]"

PIXELS = """canvas => {
    const { width, height } = canvas;
    return Array.from(canvas.getContext("2d").getImageData(0, 0, width, height).data).join(",");
}"""


@contextmanager
def run_page(api: str, home: Path) -> Iterator[str]:
    """Streamlit with our page over an API; yields its address."""
    port = free_port()
    environment = os.environ | {"DISWM_API_URL": api, "DISWM_HOME": str(home), "DISWM_TOKEN": ""}
    command = [sys.executable, "-m", "streamlit", "run", str(APP), "--server.address", "127.0.0.1"]
    process = subprocess.Popen(
        [*command, "--server.port", str(port)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/_stcore/health")
        yield f"http://127.0.0.1:{port}"
    finally:
        end(process)


def end(process: subprocess.Popen[bytes], seconds: float = 30.0) -> None:
    """Ask a process to stop; a busy machine may be too slow for asking."""
    process.terminate()
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def open_browser() -> Iterator[Browser]:
    """The browser that `diswm doctor` names, or else Playwright's own; nothing is downloaded.

    Debian's headless shell, which doctor finds first, needs less processor time than Chromium for the same pages.
    """
    installed = installed_browser()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=installed.path if installed else None, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def open_window(browser: Browser, address: str) -> Iterator[BrowserContext]:
    """A window whose first tab stays at an address.

    With it stays the process that has compiled the scripts of this site: compiling them takes half of the processor
    time of a test.
    """
    window = browser.new_context(viewport=VIEW, accept_downloads=True)
    window.new_page().goto(address)
    yield window
    window.close()


def wait_for(address: str, seconds: float = 60.0) -> None:
    """Until something answers at an address."""
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def ready(page: Page, part: str = ".scrubber") -> None:
    """Wait until the scrubber (or another part) has drawn and the page's own script has run."""
    page.wait_for_selector(f"{part}[data-state=ready]", timeout=60_000)
    page.wait_for_selector(PAGE_SCRIPT_HAS_RUN, state="attached", timeout=60_000)


def pixels(page: Page, canvas: str = ".picture") -> str:
    """What a canvas shows, pixel by pixel."""
    return str(page.locator(canvas).first.evaluate(PIXELS))


def drag(page: Page, row: int, start: float, end: float) -> None:
    """Drag along a row of the scrubber, from one share of its width to another."""
    strip = page.locator(".strip").nth(row)
    strip.scroll_into_view_if_needed()
    box = strip.bounding_box()
    assert box is not None
    height = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + start * box["width"], height)
    page.mouse.down()
    page.mouse.move(box["x"] + end * box["width"], height, steps=8)
    page.mouse.up()
