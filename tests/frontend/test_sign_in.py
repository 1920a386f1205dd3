"""If other machines can reach the page, it shows nothing until the user enters its token."""

from collections.abc import Callable

import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest

TOKEN = "0123456789abcdef" * 4
OpenPage = Callable[..., AppTest]


def test_a_page_that_others_reach_opens_for_the_token_alone(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.set_option("server.address", "0.0.0.0")
    monkeypatch.setenv("DISWM_TOKEN", TOKEN)
    app = open_page("home")
    assert [field.label for field in app.text_input] == ["Token"]
    assert len(app.button) == len(app.markdown) == 0
    app.text_input[0].set_value("guess").run()
    assert "Wrong token" in app.error[0].value
    app.text_input[0].set_value(TOKEN).run()
    assert len(app.text_input) == len(app.error) == 0
    assert len(app.markdown) > 0


def test_without_a_token_such_a_page_stays_shut(open_page: OpenPage) -> None:
    config.set_option("server.address", "0.0.0.0")
    app = open_page("home")
    assert "has no token" in app.error[0].value
    assert len(app.text_input) == len(app.markdown) == 0


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "localhost"])
def test_on_this_machine_nobody_is_asked(open_page: OpenPage, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: the same page with the same token, on the loopback address."""
    monkeypatch.setenv("DISWM_TOKEN", TOKEN)
    config.set_option("server.address", address)
    app = open_page("home")
    assert [field.label for field in app.text_input if field.label == "Token"] == []
    assert len(app.markdown) > 0
