"""What the page runs: navigation, and nothing else. It is served by server.py."""

from pathlib import Path

import streamlit as st

from frontend.components.door import admitted
from frontend.components.page import page_behaviour
from frontend.components.states import guarded
from frontend.pages import PAGES, path

ICON = str(Path(__file__).with_name("icon.svg"))


def main() -> None:
    """Draw the navigation and the page that was asked for."""
    st.set_page_config(page_icon=ICON, layout="wide", initial_sidebar_state="collapsed")
    st.logo(ICON, size="medium")
    pages = [
        st.Page(path(name), title=title, icon=icon, help=text, default=name == "home", url_path=name)
        for name, (title, icon, text) in PAGES.items()
    ]
    chosen = st.navigation(pages, position="top")
    title = "DisWM Studio" if chosen.title == "Home" else f"{chosen.title} · DisWM Studio"
    st.set_page_config(page_title=title)
    page_behaviour()
    if admitted():
        with guarded():
            chosen.run()


main()
