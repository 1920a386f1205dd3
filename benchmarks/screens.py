"""Pictures of every page in each of its states, for people to look at: light and dark, on a desk and on a phone.

Start `make app`, then: python -m benchmarks.screens --out FOLDER     (about ten minutes; --help says how to take fewer)

`ready` is the running app. For `empty`, `loading` and `error` an API of its own starts on a fresh home: it answers, is
suspended, and is gone. Writes one PNG for each, a contact sheet of each state, and prints what lies too low.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import NamedTuple

import httpx
import psutil
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import Error as PageError

from benchmarks.lists import api
from benchmarks.page import CHROMIUM, FLAGS, POLICY
from benchmarks.waiting import free_port, until
from frontend.pages import PAGES, SECTION

STATES = ("ready", "empty", "loading", "error")
SIZES = {"desk": (1440, 900), "phone": (390, 844)}
PLACES = tuple(f"{name}/{section}".rstrip("/") for name, page in PAGES.items() for section in page.sections or [""])
ACTS = ("imagine/play", "imagine/imitation", "factors/policy")  # what a model without actions does not have
BUSY = ", ".join(
    (*(f"[data-testid={name}]" for name in ("stSkeleton", "stSpinner", "stAppSkeleton")), "[data-state=loading]")
)
PICTURES = (
    "[data-state] canvas, [data-testid=stImage] img, table.matrix, .js-plotly-plot .main-svg, "
    "[data-testid=stDataFrame], [data-testid=stVegaLiteChart]"
)
SETTLE_MS, HUNG_MS, LIMIT_MS = 700, 1_500, 60_000
SHEET = 5  # pictures a row


class Shot(NamedTuple):
    """A picture to take: a place of the app as `page/section`, its state, the screen and the scheme of colours."""

    place: str
    state: str
    size: str
    scheme: str

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.state}-{self.place.replace('/', '-')}-{self.size}-{self.scheme}.png"

    def address(self, base: str) -> str:
        """Where it is."""
        page, _, section = self.place.partition("/")
        chosen = f"&checkpoint={POLICY}" if self.place in ACTS else ""
        return f"{base}/{'' if page == 'home' else page}?{SECTION}={section}{chosen}"


def main() -> None:
    """Takes the pictures of each state and prints what lies below the fold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", default="http://127.0.0.1:8501", help="Where the running page is.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--states", nargs="*", choices=STATES, default=STATES)
    parser.add_argument("--places", nargs="*", choices=PLACES, default=PLACES)
    parser.add_argument("--sizes", nargs="*", choices=tuple(SIZES), default=tuple(SIZES))
    parser.add_argument("--schemes", nargs="*", choices=("light", "dark"), default=("light", "dark"))
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    low = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for state in chosen.states:
            shots = [Shot(place, state, *of) for of in product(chosen.sizes, chosen.schemes) for place in chosen.places]
            with page_of(state, chosen.address) as base:
                low += [shot.name for shot in shots if not take(browser, base, shot, chosen.out)]
            for size, scheme in product(chosen.sizes, chosen.schemes):
                files = [chosen.out / shot.name for shot in shots if (shot.size, shot.scheme) == (size, scheme)]
                contact_sheet(files).save(chosen.out / f"sheet-{state}-{size}-{scheme}.png")
        browser.close()
    print("No picture above the fold:", *low or ["none"], sep="\n  ")


@contextmanager
def page_of(state: str, ready: str) -> Iterator[str]:
    """The address of a page whose API is in this state."""
    if state == "ready":
        yield ready
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        api(Path(folder)) as (address, process),
        page_over(address, Path(folder)) as base,
        brought_to(state, process),
    ):
        yield base


@contextmanager
def brought_to(state: str, process: psutil.Process) -> Iterator[None]:
    """An API that hangs, is gone, or is as it is."""
    if state == "loading":
        process.suspend()
    if state == "error":
        process.kill()
    try:
        yield
    finally:
        if state == "loading":
            process.resume()


@contextmanager
def page_over(address: str, home: Path) -> Iterator[str]:
    """The page alone, over an API."""
    port = free_port()
    environment = os.environ | {"DISWM_HOME": str(home), "DISWM_API_URL": address, "DISWM_PAGE_PORT": str(port)}
    process = subprocess.Popen([sys.executable, "-m", "backend", "ui"], env=environment)
    try:
        until(lambda: httpx.get(f"http://127.0.0.1:{port}/_stcore/health").status_code == 200)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


def take(browser: Browser, base: str, shot: Shot, out: Path) -> bool:
    """Take a picture; whether a picture of the page is above the fold, where the page is ready."""
    width, height = SIZES[shot.size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if shot.scheme == "dark" else "light"
    )
    page = context.new_page()
    page.goto(shot.address(base))
    page.get_by_role("heading", level=1).wait_for(timeout=LIMIT_MS)
    if shot.state == "loading":
        page.wait_for_timeout(HUNG_MS)
    else:
        settle(page)
    page.screenshot(path=out / shot.name)
    tops = [box["y"] for place in page.locator(PICTURES).all()[:12] if (box := place.bounding_box()) and box["width"]]
    context.close()
    return shot.state != "ready" or not tops or min(tops) < height - 40


def settle(page: Page) -> None:
    """Until nothing is being drawn."""
    try:
        page.wait_for_timeout(SETTLE_MS)
        page.wait_for_function(f"() => !document.querySelector('{BUSY}')", timeout=LIMIT_MS)
    except PageError as error:
        print(f"{page.url}: {error}", file=sys.stderr)
    page.wait_for_timeout(SETTLE_MS)


def contact_sheet(files: Sequence[Path]) -> Image.Image:
    """The pictures in rows, smaller."""
    pictures = [Image.open(file).convert("RGB") for file in files]
    width, height = pictures[0].size
    scale = min(1.0, 700 / width)
    cell = (round(width * scale) + 8, round(height * scale) + 8)
    rows = -(-len(pictures) // SHEET)
    sheet = Image.new("RGB", (cell[0] * min(SHEET, len(pictures)), cell[1] * rows), "#888888")
    for number, picture in enumerate(pictures):
        small = picture.resize((cell[0] - 8, cell[1] - 8))
        sheet.paste(small, ((number % SHEET) * cell[0], (number // SHEET) * cell[1]))
    return sheet


if __name__ == "__main__":
    main()
