"""The page's command line keeps Streamlit's protection on and passes no secrets."""

import os
import tomllib
from pathlib import Path

import pytest
import typer

from backend.cli import serve
from backend.settings import Settings, get_settings

CONFIG = serve.PAGE.parent / ".streamlit" / "config.toml"


def test_the_page_s_protection_against_cross_site_requests_stays_on(tmp_path: Path) -> None:
    command = serve.command_of_page(Settings(home=tmp_path))
    assert not [part for part in command if "xsrf" in part.lower() or "cors" in part.lower()]
    assert {"enableXsrfProtection", "enableCORS"}.isdisjoint(tomllib.loads(CONFIG.read_text())["server"])


def test_a_switch_that_turned_it_off_would_be_noticed() -> None:
    """The negative control: these are the names that streamlit takes."""
    from streamlit import config  # slow to import

    assert config.get_option("server.enableXsrfProtection") is True
    assert config.get_option("server.enableCORS") is True


def test_the_page_listens_where_the_settings_say(tmp_path: Path) -> None:
    command = " ".join(serve.command_of_page(Settings(home=tmp_path, page_port=8600)))
    assert "--server.address 127.0.0.1 --server.port 8600" in command


def test_the_page_lies_below_the_path_that_a_proxy_hands_on(tmp_path: Path) -> None:
    command = serve.command_of_page(Settings(home=tmp_path, page_path="/lab/diswm"))
    assert command[command.index("--server.baseUrlPath") + 1] == "lab/diswm"


def test_another_address_without_a_token_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("DISWM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DISWM_HOME", str(tmp_path))
    monkeypatch.setenv("DISWM_PAGE_HOST", "0.0.0.0")
    get_settings.cache_clear()
    try:
        with pytest.raises(typer.Exit) as refused:
            serve.ui()
    finally:
        get_settings.cache_clear()
    assert refused.value.exit_code == serve.EXIT_REFUSED
