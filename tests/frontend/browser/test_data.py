"""The episode player of the Data page."""

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.support.browsing import ready

pytestmark = pytest.mark.browser


def test_pictures_and_curves_move_together_and_the_address_follows(context: BrowserContext, studio: str) -> None:
    page = context.new_page()
    page.goto(f"{studio}/data?id=cartpole-clips&episode=2&frame=7")
    ready(page, ".player")
    expect(page.locator(".where")).to_have_text("step 7")
    heads = page.locator(".curve .head")
    expect(heads.first).to_contain_text("Reward")
    before = heads.first.inner_text()
    page.locator(".film").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".where")).to_have_text("step 8")
    assert heads.first.inner_text() != before
    page.wait_for_url("**frame=8**")
    assert page.locator(".legend").is_hidden()
