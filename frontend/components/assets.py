"""Registers our components: HTML, CSS and JS are beside this file and are sent with the page; no other network access
is needed.
"""

from pathlib import Path
from typing import Any

import streamlit as st

from frontend.components.modules import joined, styles

_HERE = Path(__file__).parent


def register(name: str) -> Any:
    """A component from `name.html` and `name.js`, its modules and their styles; returns the command that mounts it."""
    html = _HERE / f"{name}.html"
    return st.components.v2.component(
        f"diswm_{name}",
        html=html.read_text() if html.exists() else None,
        css=styles(f"{name}.js") or None,
        js=joined(f"{name}.js"),
    )


def unheard() -> None:
    """An empty callback, for values that are read where the component is mounted."""
