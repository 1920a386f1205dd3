"""Registers our components: HTML, CSS and JS lie beside this file and travel with the page, no network needed."""

import re
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent
_IMPORT = re.compile(r"^import [^;]* from \"\./([a-z_]+\.js)\";\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(async )?(function|class|const) )(?!default)", re.MULTILINE)


def register(name: str) -> Any:
    """A component from `name.html`, `name.css` and `name.js` with its modules; returns the command that mounts it."""
    html, css = _HERE / f"{name}.html", _HERE / f"{name}.css"
    return st.components.v2.component(
        f"diswm_{name}",
        html=html.read_text() if html.exists() else None,
        css=css.read_text() if css.exists() else None,
        js=joined(f"{name}.js"),
    )


def joined(script: str) -> str:
    """An ES module and those that it imports as one module: each once, what is imported before what imports it."""
    order: list[str] = []

    def visit(name: str) -> None:
        if name in order:
            return
        for needed in _IMPORT.findall((_HERE / name).read_text()):
            visit(needed)
        order.append(name)

    visit(script)
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", (_HERE / name).read_text())) for name in order)


def unheard() -> None:
    """A callback for a value that is read where the component is mounted."""
