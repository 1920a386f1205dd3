"""What the page runs: navigation, the header, and the page that was asked for. It is served by server.py."""

from pathlib import Path

import streamlit as st

from frontend.components.header import header
from frontend.components.page import page_behaviour
from frontend.components.sign_in import admitted
from frontend.components.states import guarded
from frontend.pages import PAGES, path
from frontend.places import arrive

ICON = str(Path(__file__).with_name("icon.svg"))


def main() -> None:
    """Draw the navigation, the header and the page that was asked for."""
    st.set_page_config(page_icon=ICON, layout="wide", initial_sidebar_state="collapsed")
    st.logo(ICON, size="medium")
    pages = [
        st.Page(path(name), title=page.title, icon=page.icon, help=page.help, default=name == "home", url_path=name)
        for name, page in PAGES.items()
    ]
    chosen = st.navigation(pages, position="hidden" if st.context.is_embedded else "top")
    name = chosen.url_path or "home"
    st.set_page_config(page_title="DisWM Studio" if name == "home" else f"{chosen.title} · DisWM Studio")
    page_behaviour()
    if admitted():
        with guarded():
            arrive(name)
            header(name)
            chosen.run()


main()
