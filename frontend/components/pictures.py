"""Still pictures: shown pixel by pixel, cut out of an atlas by the browser; no decoding here."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from html import escape
from typing import Any

import streamlit as st

from frontend.client import File


def figure(file: File, alt: str) -> None:
    """A figure with words, at full width: smooth, so that they can be read."""
    st.html(f'<img src="{_uri(file)}" alt="{escape(alt)}" style="width:100%;border-radius:4px;display:block">')


def picture(file: File, alt: str, *, width: int | None = None) -> None:
    """A picture with sharp pixels, at a given width or the full width."""
    size = f"{width}px" if width else "100%"
    style = f"width:{size};max-width:100%;image-rendering:pixelated;border-radius:4px;display:block"
    st.html(f'<img src="{_uri(file)}" alt="{escape(alt)}" style="{style}">')


def _uri(file: File) -> str:
    return f"data:{file.media_type};base64,{base64.b64encode(file.content).decode()}"


def top_rows(uri: str, *, columns: int, rows: int, alt: str) -> None:
    """The first rows of a picture of square cells, `columns` wide, at full width."""
    fit = f"aspect-ratio:{columns}/{rows};object-fit:cover;object-position:0 0"
    style = f"width:100%;{fit};image-rendering:pixelated;border-radius:4px;display:block"
    st.html(f'<img src="{uri}" alt="{escape(alt)}" style="{style}">')


def still(uri: str, alt: str, width: int) -> None:
    """A picture given as a data URI."""
    style = f"width:{width}px;max-width:100%;image-rendering:pixelated;border-radius:4px;display:block"
    st.html(f'<img src="{uri}" alt="{escape(alt)}" style="{style}">')


EDGE = 0.03  # of a cell, cut away all round so that nothing of the next row shows


def atlas_card(atlas: Mapping[str, Any], *, rows: int, alt: str) -> None:
    """The first rows of an atlas as one picture."""
    _crop(atlas, 0, min(rows, len(atlas["rows"])), alt)


def strip(atlas: Mapping[str, Any], dim: int, alt: str) -> None:
    """One dimension's row of an atlas."""
    rows = [row["dim"] for row in atlas["rows"]]
    if dim in rows:
        _crop(atlas, rows.index(dim), 1, alt)


def _crop(atlas: Mapping[str, Any], first: int, count: int, alt: str) -> None:
    """Some rows of an atlas."""
    high = count - EDGE
    hidden = len(atlas["rows"]) - high
    position = 100 * (first + EDGE / 2) / hidden if hidden > 0 else 0
    fit = f"aspect-ratio:{atlas['columns']}/{high};object-fit:cover;object-position:0 {position:.3f}%"
    style = f"width:100%;{fit};image-rendering:pixelated;border-radius:4px"
    st.html(f'<img src="{atlas["image"]}" alt="{escape(alt)}" style="{style}">')
