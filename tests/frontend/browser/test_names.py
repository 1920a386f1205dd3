"""Names from users are shown literally."""

import pytest
from playwright.sync_api import BrowserContext

from tests.support.workplace import Workplace

pytestmark = pytest.mark.browser

NAME = "lr $1e-3$ vs *3e-4* :red[x] [best](http://x) ![i](http://evil.example/x.png) :smile: :material/home: <b>&amp;"


def test_a_name_is_shown_as_it_was_typed_and_nothing_in_it_is_fetched(
    context: BrowserContext, studio: str, studio_work: Workplace
) -> None:
    studio_work.change("run-cartpole", name=NAME)
    listed = studio_work.get("/checkpoints")
    for checkpoint in listed["items"]:
        checkpoint["name"] = NAME
    studio_work.answers["/checkpoints"] = listed
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for place in ("/train?section=runs&id=run-cartpole", "/"):
        page.goto(f"{studio}{place}")
        page.wait_for_function(
            """text => [...document.querySelectorAll("h2, h3, p")].some(
                (element) => element.textContent.replaceAll("\\u2060", "") === text
            )""",
            arg=NAME,
            timeout=60_000,
        )
    assert [url for url in asked if not url.startswith((studio, "data:", "blob:"))] == []
