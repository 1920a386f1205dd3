"""What a person waits for in the browser: from click to picture, frames while scrubbing, and how much is sent.

Start `make app`, then: python -m benchmarks.page     (about a minute)

Chromium opens the page as a person would. Writes benchmarks/results/page.md.
"""

import argparse
import datetime
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

from playwright.sync_api import Page, expect, sync_playwright

RESULTS = Path(__file__).parent / "results"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-headless-shell")  # or else Playwright's own
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
SECONDS = 1000  # milliseconds of one


class Place(NamedTuple):
    """A page of the navigation: its link, and what is there once its picture is drawn."""

    link: str
    drawn: str


PLACES = (
    Place("Traversals", "[class*=st-key-traversals-scrubber] .scrubber[data-state=ready]"),
    Place("Imagine", "[class*=st-key-imagine-watch-player] .player[data-state=ready]"),
    Place("Factors", "[class*=st-key-factors-matrix] table.matrix td"),
    Place("Compare", "[class*=st-key-beside-second] .scrubber[data-state=ready]"),
    Place("Home", "[class*=st-key-home-scrubber] .scrubber[data-state=ready]"),
)
FRAMES = """async () => {
    const times = [];
    let last = await new Promise(requestAnimationFrame);
    for (let step = 0; step < 240; step++) {
        globalThis.diswmMove(step);
        const now = await new Promise(requestAnimationFrame);
        times.push(now - last);
        last = now;
    }
    return times;
}"""
POLICY = "cartpole-swingup-policy"
STEPS = """async (board) => {
    const times = [];
    let last = 0, shown = board.dataset.steps;
    while (times.length < 120) {
        await new Promise(requestAnimationFrame);
        if (board.dataset.steps === shown) continue;
        shown = board.dataset.steps;
        const now = performance.now();
        if (last) times.push(now - last);
        last = now;
    }
    return times;
}"""
SCRUB = """strip => { globalThis.diswmMove = (step) => {
    const box = strip.getBoundingClientRect();
    const clientX = box.left + (box.width * (step % 60)) / 60;
    strip.dispatchEvent(new PointerEvent("pointermove", { clientX, pointerType: "mouse" }));
}; }"""
SLIDE = """sliders => { globalThis.diswmMove = (step) => sliders.slice(0, 3).forEach((slider, index) => {
    slider.value = 2 * Math.sin((step + 20 * index) / 15);
    slider.dispatchEvent(new Event("input", { bubbles: true }));
}); }"""


def main() -> None:
    """Measures, prints and saves."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", default="http://127.0.0.1:8501", help="Where the page runs.")
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        sent = weigh(page)
        page.goto(f"{chosen.address}/traversals")
        page.wait_for_selector(PLACES[0].drawn, timeout=120 * SECONDS)
        lines = [f"| Traversals, all that is sent until its picture | {sum(sent) / 1e6:.2f} MB | | |"]
        lines += [clicked(page, place, chosen.rounds) for place in PLACES]
        page.goto(f"{chosen.address}/traversals")
        page.wait_for_selector(PLACES[0].drawn, timeout=120 * SECONDS)
        lines += [*frames(page), rested(page, chosen.rounds), played(page, chosen.address)]
        browser.close()
    text = "\n".join([*head(), *lines]) + "\n"
    print(text)
    (RESULTS / "page.md").write_text(text)


def weigh(page: Page) -> list[int]:
    """The bytes of every answer and of every message of the page's socket, from now on."""
    sent: list[int] = []
    page.on("response", lambda answer: sent.append(int(answer.headers.get("content-length", 0))))
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: sent.append(len(frame))))
    return sent


def clicked(page: Page, place: Place, rounds: int) -> str:
    """From the click on a page's link until its picture is drawn; the first time does not count."""
    times = []
    other = PLACES[0] if place is not PLACES[0] else PLACES[-1]
    for _ in range(rounds + 1):
        go(page, other)
        times.append(go(page, place))
    return row(f"click on {place.link} to its picture", times[1:], "ms", "300 ms")


def go(page: Page, place: Place) -> float:
    """Milliseconds."""
    link = page.get_by_role("link", name=place.link, exact=True).first
    begun = time.perf_counter()
    link.click()
    page.wait_for_selector(place.drawn, timeout=120 * SECONDS)
    taken = (time.perf_counter() - begun) * SECONDS
    page.wait_for_timeout(500)
    return taken


def played(page: Page, address: str) -> str:
    """Between two steps of a play that the policy drives at full speed, simulator and model drawn."""
    page.goto(f"{address}/imagine?checkpoint={POLICY}&section=play")
    board = page.locator(".board[data-state=ready]")
    board.wait_for(timeout=120 * SECONDS)
    page.locator(".speed").select_option("25")
    board.focus()
    page.keyboard.press("m")
    page.keyboard.press(" ")
    times = board.evaluate(STEPS)
    page.keyboard.press(" ")
    return row("between two steps of a play", times, "ms", "66.7 ms")


def frames(page: Page) -> list[str]:
    """Between two frames of the browser, while a row is scrubbed, and while three sliders move."""
    page.locator(".strip").nth(1).evaluate(SCRUB)
    scrubbed = page.evaluate(FRAMES)
    page.locator(".strip").nth(1).dispatch_event("pointerleave")
    page.locator(".slide").evaluate_all(SLIDE)
    slid = page.evaluate(FRAMES)
    return [
        row("between two frames while scrubbing", scrubbed, "ms", "16.7 ms"),
        row("between two frames while three sliders move", slid, "ms", "16.7 ms"),
    ]


def rested(page: Page, rounds: int) -> str:
    """From where three sliders rest until the model's own picture is drawn."""
    times = []
    for turn in range(rounds + 1):
        page.locator(".slide").evaluate_all(f"sliders => {{ ({SLIDE})(sliders); globalThis.diswmMove({7 * turn}); }}")
        expect(page.locator(".caption")).to_contain_text("about")
        begun = time.perf_counter()
        page.locator(".slide").first.dispatch_event("change")
        expect(page.locator(".caption")).not_to_contain_text("about", timeout=60 * SECONDS)
        times.append((time.perf_counter() - begun) * SECONDS)
    return row("three sliders at rest to the model's own picture", times[1:], "ms", "")


def row(what: str, times: list[float], unit: str, bar: str) -> str:
    """Median and 95 % of some times."""
    most = quantiles(times, n=20)[-1] if len(times) > 1 else times[0]
    return f"| {what} | {median(times):.1f} {unit} | {most:.1f} {unit} | {bar} |"


def head() -> list[str]:
    """When and where, as `diswm doctor` says it."""
    command = [sys.executable, "-m", "backend", "doctor", "--json"]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    machine = "; ".join(check["found"] for check in found["checks"][:2])
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    today = datetime.datetime.now(datetime.UTC).date()
    return [
        f"# The page, {today}",
        "",
        f"`python -m benchmarks.page` on {machine}; load of the machine {load} (1, 5, 15 minutes).",
        "",
        "| what | median | 95 % | bar |",
        "|---|---|---|---|",
    ]


if __name__ == "__main__":
    main()
