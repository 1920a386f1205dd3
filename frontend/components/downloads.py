"""Download buttons: the file is made when asked for, and keeps the telling name that the API gives it."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Sequence

import streamlit as st

from frontend.client import ApiProblem, File
from frontend.components.assets import register
from frontend.components.states import show_problem

_SAVER = register("saver", scripts=("saver.js",))


def buttons(key: str, formats: Sequence[str], fetch: Callable[[str], File]) -> File | None:
    """A row of buttons; the file of the one that was clicked, or None. Give it to `save`."""
    found = None
    with st.container(horizontal=True, gap="xsmall"):
        for form in formats:
            clicked = st.button(form.upper(), key=f"{key}.{form}", icon=":material/download:")
            if clicked:
                found = _fetch(form, fetch)
    return found


def save(key: str, file: File | None) -> None:
    """Let the browser save a file. Call it on every run, outside popovers: it must stay mounted."""
    data = None
    if file is not None:
        content = base64.b64encode(file.content).decode()
        data = {"id": uuid.uuid4().hex, "name": file.name, "type": file.media_type, "content": content}
        st.toast(f"{file.name} ({_size(len(file.content))})", icon=":material/download_done:")
    _SAVER(key=f"{key}.saver", data=data)


def _fetch(form: str, fetch: Callable[[str], File]) -> File | None:
    try:
        with st.spinner(f"Making the {form.upper()} …"):
            return fetch(form)
    except ApiProblem as problem:
        show_problem(problem)
        return None


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{max(count, 1000) / 1e3:.0f} kB"
