"""Take the pictures of the README from the running page: start `make app`, then run this file."""

import argparse
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Browser, sync_playwright

from backend.cli.doctor import installed_browser

FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
IMAGES = Path(__file__).with_name("images")
SIZE = (1440, 900)
# page -> what must be drawn before the picture is taken
PARTS = {
    "traversals": ".scrubber[data-state=ready]",
    "imagine": ".player[data-state=ready]",
    "factors": "table.matrix td",
}


def main() -> None:
    """Read the options and take each picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", default="http://127.0.0.1:8501", help="Where the page runs.")
    parser.add_argument("--checkpoint", default="", help="Id of the checkpoint; the newest one if not given.")
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument("--pages", nargs="*", choices=tuple(PARTS), default=["traversals"])
    options = parser.parse_args()
    IMAGES.mkdir(exist_ok=True)
    installed = installed_browser()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=installed.path if installed else None, args=FLAGS)
        for page in options.pages:
            print(take(browser, options.address, page, options.checkpoint, options.theme))
        browser.close()


def take(browser: Browser, address: str, name: str, checkpoint: str, theme: str) -> Path:
    """One page as docs/images/<page>.png; dark ones as <page>-dark.png."""
    width, height = SIZE
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if theme == "dark" else "light"
    )
    page = context.new_page()
    query = {"checkpoint": checkpoint} if checkpoint else {}
    if name == "traversals":
        query["history"] = "false"  # what the latent alone draws
    page.goto(f"{address}/{name}?{urlencode(query)}")
    page.wait_for_selector(PARTS[name], timeout=120_000)
    if name == "traversals":
        page.locator(".strip:visible").first.focus()
        page.keyboard.press("End")
        page.mouse.move(5, height - 5)
    page.wait_for_timeout(2_000)
    target = IMAGES / f"{name}{'-dark' if theme == 'dark' else ''}.png"
    page.screenshot(path=target)
    context.close()
    return target


if __name__ == "__main__":
    main()
