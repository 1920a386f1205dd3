"""A report of kept views: their pictures with titles and notes, as one page for browsers or as a PDF."""

import base64
import io
import textwrap
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from PIL import Image

REPORT_FORMATS = ("html", "pdf")
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:960px;margin:2rem auto;padding:0 1rem;color:#111}"
    "figure{margin:0 0 3rem}img{max-width:100%;image-rendering:pixelated}"
    "figcaption p{white-space:pre-wrap}small{color:#555}"
)


class Entry(NamedTuple):
    """A view in a report. picture: PNG; None if it can no longer be made, and `missing` says why."""

    title: str
    note: str
    about: str  # checkpoint and kind
    picture: bytes | None
    missing: str = ""


def report(title: str, entries: Sequence[Entry], format: str) -> bytes:
    """The report in one of REPORT_FORMATS; it needs no other file and no network."""
    return _pdf(title, entries) if format == "pdf" else _html(title, entries).encode()


def _html(title: str, entries: Sequence[Entry]) -> str:
    figures = "".join(_figure(entry) for entry in entries)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<main><h1>{escape(title)}</h1>{figures}</main></html>"
    )


def _figure(entry: Entry) -> str:
    if entry.picture is None:
        shown = f"<p><em>{escape(entry.missing)}</em></p>"
    else:
        source = f"data:image/png;base64,{base64.b64encode(entry.picture).decode()}"
        shown = f'<img src="{source}" alt="{escape(entry.title)}">'
    note = f"<p>{escape(entry.note)}</p>" if entry.note else ""
    return (
        f"<figure><h2>{escape(entry.title)}</h2>{shown}"
        f"<figcaption>{note}<small>{escape(entry.about)}</small></figcaption></figure>"
    )


def _pdf(title: str, entries: Sequence[Entry]) -> bytes:
    """One page for each view, A4 upright."""
    from matplotlib.backends.backend_pdf import PdfPages
    from matplotlib.figure import Figure

    buffer = io.BytesIO()
    with PdfPages(buffer, metadata={"Title": title, "CreationDate": None}) as pages:
        for entry in entries:
            page = Figure(figsize=(8.27, 11.69))
            page.text(0.08, 0.95, entry.title, fontsize=14, weight="bold", va="top", wrap=True, parse_math=False)
            page.text(0.08, 0.92, entry.about, fontsize=9, color="#555555", va="top", parse_math=False)
            if entry.picture is None:
                page.text(0.08, 0.85, entry.missing, fontsize=10, style="italic", va="top", wrap=True, parse_math=False)
            else:
                axes = page.add_axes((0.08, 0.42, 0.84, 0.47))
                axes.imshow(Image.open(io.BytesIO(entry.picture)).convert("RGB"))
                axes.set_anchor("N")
                axes.axis("off")
            lines = [line for part in entry.note.splitlines() for line in textwrap.wrap(part, 95) or [""]]
            page.text(0.08, 0.38, "\n".join(lines[:36]), fontsize=10, va="top", parse_math=False)
            pages.savefig(page)
    return buffer.getvalue()
