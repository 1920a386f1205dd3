"""The API's own pages in a real browser: offline, under their policy, and below a path of a proxy."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import uvicorn
from playwright.sync_api import BrowserContext, Page, expect
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.main import create_app
from backend.settings import Settings

pytestmark = pytest.mark.browser
BELOW = "/lab/diswm"


def behind_a_proxy(app: ASGIApp) -> ASGIApp:
    """What a reverse proxy does that hands on /lab/diswm/ to the API's root."""

    async def strip(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            assert scope["path"].startswith(f"{BELOW}/"), f"the page asked for {scope['path']}, outside its path"
            scope = scope | {"path": scope["path"].removeprefix(BELOW)}
        await app(scope, receive, send)

    return strip


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """A real server; yields its address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        while not server.started:
            time.sleep(0.02)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that fails its test if it contacts another host or logs an error to the console."""
    opened = context.new_page()
    asked: set[str | None] = set()
    errors: list[str] = []
    opened.on("request", lambda request: asked.add(urlsplit(request.url).hostname))
    opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    opened.close()
    assert asked <= {"127.0.0.1", None, ""}
    assert errors == []


@pytest.mark.parametrize("below", ["", BELOW])
def test_the_api_can_be_tried_out_offline(page: Page, tmp_path: Path, below: str) -> None:
    app = create_app(Settings(home=tmp_path))
    with served(behind_a_proxy(app) if below else app) as address:
        page.goto(f"{address}{below}/docs")
        expect(page.get_by_text("POST", exact=True).first).to_be_visible()
        operation = page.locator("#operations-runs-submit_run_api_v1_runs_post")
        operation.locator(".opblock-summary-control").click()
        operation.get_by_role("button", name="Try it out").click()
        operation.locator("textarea.body-param__text").fill('{"stage": "collect", "name": "from the page"}')
        operation.get_by_role("button", name="Execute").click()
        expect(operation.locator(".live-responses-table tbody .response-col_status").first).to_contain_text("202")
        expect(operation.locator(".request-url")).to_contain_text(f"{address}{below}/api/v1/runs")


@pytest.mark.parametrize("below", ["", BELOW])
def test_the_reference_is_read_offline(page: Page, tmp_path: Path, below: str) -> None:
    app = create_app(Settings(home=tmp_path))
    with served(behind_a_proxy(app) if below else app) as address:
        page.goto(f"{address}{below}/redoc")
        expect(page.get_by_role("heading", name="Submit Run")).to_be_visible()
        page.get_by_role("searchbox").or_(page.get_by_placeholder("Search...")).fill("cancel")
        expect(page.get_by_role("menuitem", name="Cancel Run").first).to_be_visible()
