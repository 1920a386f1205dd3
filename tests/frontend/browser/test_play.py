"""Play in a browser: the real application with the shipped policy, its simulator beside it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from frontend.relay import ticket
from tests.support.browsing import end, free_port, open_window, pixels, ready, wait_for
from tests.support.recorded import CARTPOLE

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Page and API on free ports over an empty home; the address of the page."""
    api, page = free_port(), free_port()
    own = {"DISWM_HOME": str(tmp_path_factory.mktemp("play")), "DISWM_TOKEN": "", "DISWM_API_URL": ""}
    environment = os.environ | own | {"DISWM_PORT": str(api), "DISWM_PAGE_PORT": str(page)}
    process = subprocess.Popen([sys.executable, "-m", "backend", "app"], env=environment, stderr=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{api}/healthz")
        wait_for(f"http://127.0.0.1:{page}/_stcore/health")
        yield f"http://127.0.0.1:{page}"
    finally:
        end(process)


@pytest.fixture(scope="module")
def window(browser: Browser, studio: str) -> Iterator[BrowserContext]:
    """A window of this page."""
    with open_window(browser, f"{studio}/_stcore/health") as window:
        yield window


@pytest.fixture
def board(context: BrowserContext, studio: str) -> Page:
    """The page with the shipped policy to be played."""
    page = context.new_page()
    page.goto(f"{studio}/imagine?section=play&checkpoint={CARTPOLE}")
    ready(page, ".board")
    return page


def steps(page: Page) -> int:
    return int(page.locator(".board").get_attribute("data-steps") or -1)


def until(page: Page, count: int) -> None:
    """Waits for so many steps."""
    end = time.monotonic() + 60
    while steps(page) < count:
        assert time.monotonic() < end, f"{steps(page)} of {count} steps"
        time.sleep(0.05)


def test_keys_drive_both_pictures_and_the_policy_takes_over(board: Page) -> None:
    start = pixels(board, ".real canvas")
    board.locator(".board").focus()
    board.keyboard.press("ArrowRight")
    expect(board.locator(".board")).to_have_attribute("data-steps", "1")
    expect(board.locator(".where")).to_contain_text("the model has seen this picture")
    assert pixels(board, ".real canvas") != start
    board.keyboard.press("e")
    board.keyboard.press(".")
    expect(board.locator(".where")).to_contain_text("step 2 · imagined")
    board.keyboard.press("m")
    expect(board.locator(".driver")).to_have_text("Policy drives")
    board.keyboard.press(" ")
    expect(board.locator(".play")).to_have_text("❚❚ Pause")
    until(board, 7)
    board.keyboard.press(" ")
    expect(board.locator(".curves .curve")).to_have_count(3)


def test_a_dimension_is_held_while_it_plays_and_let_go_by_a_double_click(board: Page) -> None:
    board.locator(".holds summary").click()
    first = board.locator(".dim").first
    first.locator("input").fill("2.5")
    expect(first).to_have_class("dim held")
    board.locator(".board").focus()
    board.keyboard.press(".")
    expect(board.locator(".board")).to_have_attribute("data-steps", "1")
    held = pixels(board, ".model canvas")
    first.locator("input").dblclick()
    expect(first).to_have_class("dim")
    board.locator(".board").focus()
    board.keyboard.press(".")
    expect(board.locator(".board")).to_have_attribute("data-steps", "2")
    assert pixels(board, ".model canvas") != held


def test_what_was_played_becomes_a_film_and_a_data_set(board: Page, tmp_path: Path) -> None:
    for count in range(1, 4):
        board.locator(".step").click()
        expect(board.locator(".board")).to_have_attribute("data-steps", str(count))
    with board.expect_download(timeout=60_000) as download:
        board.locator(".keep a[data-format=gif]").click()
    download.value.save_as(tmp_path / "play.gif")
    assert (tmp_path / "play.gif").read_bytes()[:6] == b"GIF89a"
    assert download.value.suggested_filename.endswith("-3steps.gif")
    board.locator(".dataset").click()
    expect(board.locator(".saved")).to_contain_text("of 4 frames")
    shown = pixels(board, ".real canvas"), pixels(board, ".model canvas")
    board.goto(board.url.partition("/imagine")[0] + "/traversals")
    ready(board)
    board.get_by_role("button", name="Open a file").click()
    board.locator("input[type=file]").last.set_input_files(tmp_path / "play.gif")
    ready(board, ".board")
    expect(board.locator(".where")).to_contain_text("step 3")
    assert (pixels(board, ".real canvas"), pixels(board, ".model canvas")) == shown


def test_a_play_that_has_ended_says_so_and_begins_again(board: Page) -> None:
    board.evaluate("() => { window.fetch = () => Promise.reject(new Error('The API is not answering.')) }")
    board.locator(".step").click()
    expect(board.locator(".trouble")).to_contain_text("The API is not answering.")
    board.reload()
    ready(board, ".board")
    expect(board.locator(".trouble")).to_be_hidden()


def test_only_the_page_hands_out_tickets(studio: str) -> None:
    for way in ("x.0123/steps", "nothing/steps", f"{ticket('another process')}/steps"):
        answer = httpx.post(f"{studio}/play/{way}", json={})
        assert answer.status_code == 404, way
        assert "start a new one" in answer.json()["detail"]


def test_steps_come_fifteen_a_second_or_as_fast_as_the_machine_can(board: Page) -> None:
    """The rate of 15 is measured in benchmarks; here only that a step does not rerun the page."""
    board.locator(".speed").select_option("25")
    board.locator(".board").focus()
    board.keyboard.press("m")
    before, begun = steps(board), time.monotonic()
    board.keyboard.press(" ")
    until(board, before + 30)
    assert time.monotonic() - begun < 30
