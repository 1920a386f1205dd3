"""Download buttons: the file is made on request and keeps the descriptive name that the API gives it."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable
from typing import Any

import streamlit as st

from frontend.client import ApiProblem, File, client
from frontend.components.assets import register
from frontend.components.states import show_problem

GROUPS = {
    "Film": ("gif", "mp4", "webm", "apng"),
    "Figure": ("png", "pdf", "svg"),
    "Data": ("csv", "npz"),
    "All": ("html", "zip"),
}
LABELS = {"html": "Interactive page", "zip": "Paper bundle", "webm": "WebM"}
_SAVER = register("saver")


def style_form(page: str) -> dict[str, Any]:
    """The style options of figures and films."""
    usual = {name: option["default"] for name, option in client().view("traversal")["x-style"].items()}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        fps = st.select_slider(
            "Frames per second",
            [5.0, 10.0, 12.5, 20.0, 25.0, 33.3, 50.0],
            float(usual["fps"]),
            key=f"{page}.fps",
            format_func=lambda value: f"{value:g}",
            width=200,
            help="Frame rates that a GIF can store exactly.",
        )
        upscale = st.select_slider("Upscale", [1, 2, 3, 4, 8], int(usual["upscale"]), key=f"{page}.upscale", width=140)
        width = width_form(page)
    with st.container(horizontal=True):
        pingpong = st.toggle("Forwards and backwards", True, key=f"{page}.pingpong")
        captions = st.toggle("Captions", True, key=f"{page}.captions")
        loop = st.toggle("Loop", True, key=f"{page}.loop", help="Whether the film starts again at its end.")
        chroma = chroma_form(page, str(usual["chroma"]))
    films = {"fps": float(fps), "upscale": int(upscale), "pingpong": pingpong, "captions": captions, "loop": loop}
    return {**films, "chroma": chroma, "width": width}


def chroma_form(page: str, usual: str) -> str:
    """The colour resolution of an MP4 or WebM: one sample per four pixels, which plays everywhere, or one per pixel."""
    every = st.toggle(
        "4:4:4 video",
        usual == "444",
        key=f"{page}.chroma",
        help="MP4 and WebM: one colour per pixel. Some players and slides (QuickTime, Safari, PowerPoint) open "
        "only 4:2:0, which at an upscale of 2 or more loses no colour.",
    )
    return "444" if every else "420"


def width_form(page: str) -> float:
    """The width of a figure in inches: one column of a paper, its text, or both columns."""
    widths = [3.25, 5.5, 6.875]
    found = st.selectbox(
        "Figure width", widths, 1, key=f"{page}.width", width=120, format_func=lambda inches: f"{inches:g} in"
    )
    return float(found)


def groups(kind: str) -> dict[str, list[str]]:
    """The formats of a kind of view, grouped by use."""
    formats = client().view(kind)["x-formats"]
    found = {title: [form for form in known if form in formats] for title, known in GROUPS.items()}
    return {title: forms for title, forms in found.items() if forms}


def buttons(key: str, kind: str, fetch: Callable[[str], File]) -> File | None:
    """Rows of buttons, one per group of formats; returns the file of the button that was clicked, for `save`."""
    found = None
    for title, formats in groups(kind).items():
        with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
            st.caption(title, width=70)
            for form in formats:
                label = LABELS.get(form, form.upper())
                if st.button(label, key=f"{key}.{form}", icon=":material/download:"):
                    found = _fetch(label, form, fetch)
    return found


def save(key: str, file: File | None) -> None:
    """Let the browser save a file. Call it on every run, outside popovers: it must stay mounted."""
    data = None
    if file is not None:
        content = base64.b64encode(file.content).decode()
        data = {"id": uuid.uuid4().hex, "name": file.name, "type": file.media_type, "content": content}
        st.toast(f"{file.name} ({_size(len(file.content))})", icon=":material/download_done:")
    _SAVER(key=f"{key}.saver", data=data)


def _fetch(label: str, form: str, fetch: Callable[[str], File]) -> File | None:
    try:
        with st.spinner(f"Making the {label} …"):
            return fetch(form)
    except ApiProblem as problem:
        show_problem(problem)
        return None


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{max(count, 1000) / 1e3:.0f} kB"
