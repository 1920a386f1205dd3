"""The buttons under every view of imagination: its files, the link that reopens it, and its command."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import streamlit as st

from frontend import commands
from frontend.client import client
from frontend.components import downloads
from frontend.components.keep import keep_button
from frontend.components.markdown import escape_markdown
from frontend.components.reopen import reopen_form
from frontend.places import link_of
from frontend.state import View

STORED = {"temporal": "Branches", "together": "Rollouts over training"}  # the default title of a kept view


def share(page: str, view: View, kind: str, checkpoint: str, query: Mapping[str, Any], caption: str) -> None:
    """One row of buttons; call it inside a fragment, before the player."""
    path = path_of(kind, checkpoint)
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.popover("Download", icon=":material/download:", type="primary"):
            style = downloads.style_form(page)
            file = downloads.buttons(page, kind, lambda form: client().file(path, {**query, **style, "format": form}))
        with st.popover("Link and command", icon=":material/link:"):
            line = commands.curl_get(client().url, path, {**query, **style, "format": "gif"})
            show_commands(link_of(page, view), commands.view(kind, checkpoint, query, "gif", style), line, "GIF")
        keep_button(
            page, link_of(page, view), kind, checkpoint, query, f"{STORED.get(kind, kind.capitalize())} of {checkpoint}"
        )
        with st.popover("Open a file", icon=":material/file_open:"):
            reopen_form(page)
        st.caption(escape_markdown(caption))
    downloads.save(page, file)


def path_of(kind: str, checkpoint: str) -> str:
    """Where the API answers with such a view."""
    return f"/checkpoints/{checkpoint}/{client().view(kind)['x-path']}"


def share_chart(key: str, link: str, kind: str, checkpoint: str, query: Mapping[str, Any]) -> None:
    """The same for a chart of numbers: figure and table, the link of its page, and its commands."""
    path = path_of(kind, checkpoint)
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.popover("Download", icon=":material/download:", key=f"{key}.download"):
            style = {"width": downloads.width_form(key)}
            file = downloads.buttons(key, kind, lambda form: client().file(path, {**query, **style, "format": form}))
        with st.popover("Link and command", icon=":material/link:", key=f"{key}.link"):
            line = commands.curl_get(client().url, path, {**query, **style, "format": "pdf"})
            show_commands(link, commands.view(kind, checkpoint, query, "pdf", style), line, "figure")
        keep_button(key, link, kind, checkpoint, query, f"{STORED.get(kind, kind.capitalize())} of {checkpoint}")
    downloads.save(key, file)


def show_commands(link: str, shell: str, curl: str, what: str) -> None:
    """The link of a view, and the commands that make its file elsewhere."""
    st.caption("This link reopens the view.")
    st.code(link, language=None, wrap_lines=True)
    st.caption("The same inside another page: without navigation; works as long as this page runs")
    st.code(embedded(link), language=None, wrap_lines=True)
    st.caption(f"The same {what} from the shell")
    st.code(commands.in_home(shell), language=None, wrap_lines=True)
    st.caption("The same over HTTP")
    show_curl(curl)


def embedded(link: str) -> str:
    """A view as an element of HTML."""
    address = f"{link}{'&' if '?' in link else '?'}embed=true"
    return f'<iframe src="{escape(address)}" width="100%" height="760" title="DisWM Studio"></iframe>'


def show_curl(line: str) -> None:
    """A curl command; where the page does not know the API's public address, it says what to set first."""
    st.code(line, language=None, wrap_lines=True)
    if "$DISWM_API_URL" in line:
        st.caption(
            "Set `DISWM_API_URL` to the address at which you reach the API; this page uses one of its own. "
            "`DISWM_PUBLIC_API_URL`, set where the page runs, puts it here."
        )
