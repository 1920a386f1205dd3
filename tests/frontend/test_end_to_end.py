"""From the form to a GIF: the real application runs the whole pipeline, and a browser downloads a GIF of the model."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.support.browsing import VIEW, drag, end, open_browser, pixels, ready, wait_for
from tests.support.waiting import free_port

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TRAINING_S = 900  # half a minute on two quiet cores


@contextmanager
def run_application(home: Path) -> Iterator[tuple[str, str]]:
    """`diswm app` on free ports with its state in `home`: the addresses of page and API."""
    api, page = free_port(), free_port()
    environment = os.environ | {
        "DISWM_HOME": str(home),
        "DISWM_PORT": str(api),
        "DISWM_PAGE_PORT": str(page),
        "DISWM_TOKEN": "",
        "DISWM_API_URL": "",
    }
    with (home / "app.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "backend", "app"], env=environment, stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{api}/healthz")
        wait_for(f"http://127.0.0.1:{page}/_stcore/health")
        yield f"http://127.0.0.1:{page}", f"http://127.0.0.1:{api}"
    finally:
        end(process)


def test_a_run_from_the_form_ends_in_a_gif_of_its_traversal(tmp_path: Path) -> None:
    with run_application(tmp_path) as (address, api), open_browser() as browser:
        page = browser.new_context(viewport=VIEW, accept_downloads=True).new_page()
        page.goto(f"{address}/train")
        for group in ("Pretrain: Networks", "Pretrain: Optimisation", "Fine-tune: Online learning"):
            page.locator("summary").filter(has_text=group).click()
        page.locator("summary").filter(has_text="Fine-tune").last.scroll_into_view_if_needed()
        expect(page.get_by_role("button", name="Launch")).to_be_in_viewport()
        small = {"Updates": "10", "Random agent steps first": "60", "Agent steps": "80"}
        _launch(page, api, "first model", small, "--set pretrain.updates=10 --set finetune.agent_steps=80")
        page.get_by_role("link", name="Its traversals").click()
        ready(page)
        _scrub(page)
        _download(page, tmp_path / "traversal.gif")
        expect(page.get_by_text("an error of its own")).to_have_count(0)
        expect(page.locator(".stException")).to_have_count(0)


def _launch(page: Page, api: str, name: str, settings: dict[str, str], command: str) -> None:
    """Fill in the form, launch, and follow the run on its page until it has succeeded."""
    for label, text in {"Name": name, **settings}.items():
        field = page.get_by_label(label, exact=True)
        field.fill(text)
        field.press("Enter")
    expect(page.get_by_text(command).first).to_be_visible()
    page.get_by_role("button", name="Launch").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible(timeout=30_000)
    ended = page.locator(".stMarkdownBadge").filter(has_text=re.compile("succeeded|failed|diverged|cancelled"))
    expect(ended.first).to_be_visible(timeout=TRAINING_S * 1000)
    run = _get(f"{api}/api/v1/runs")["items"][0]
    assert run["name"] == name
    assert run["state"] == "succeeded", run["error"]


def _scrub(page: Page) -> None:
    """By keyboard, then by mouse: the pixels change each time."""
    page.locator(".strip:visible").first.click()
    page.keyboard.press("Home")
    expect(page.locator(".caption")).to_contain_text("Edited to −2.0 σ")
    at_one_end = pixels(page)
    page.keyboard.press("End")
    expect(page.locator(".row.active .strip")).to_have_attribute("aria-valuenow", "11")
    at_the_other = pixels(page)
    assert at_one_end != at_the_other
    drag(page, 0, 0.9, 0.5)
    expect(page.locator(".row.active .strip")).to_have_attribute("aria-valuenow", "6")
    assert pixels(page) not in (at_one_end, at_the_other)


def _download(page: Page, target: Path) -> None:
    """Downloads the GIF, checks its name and decodes it: the frames go there and back and differ."""
    page.get_by_role("button", name="Download").click()
    with page.expect_download(timeout=60_000) as download:
        page.get_by_role("button", name="GIF", exact=True).click()
    name = download.value.suggested_filename
    assert re.fullmatch(r"diswm_cartpole-swingup_first-model-s\d+_dim\d\d[a-z0-9-]*_pm2sd_ep0-frame\d+\.gif", name), (
        name
    )
    download.value.save_as(target)
    with Image.open(target) as film:
        assert film.n_frames == 20, "eleven there, nine back"
        assert film.info["duration"] == 100
        first = film.convert("RGB").tobytes()
        film.seek(10)
        assert film.convert("RGB").tobytes() != first


def _get(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
        return found
