"""Finds the line of settings inside a file of each kind, without decoding the file."""

import csv
import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image, UnidentifiedImageError

from backend.data.archive import read_header
from backend.export.mp4 import comment_of
from backend.export.tables import SETTINGS

MAX_PIXELS = 100_000_000
MAX_BYTES = 64 * 2**20  # of the one member of an archive that is read
MAX_TEXT = 20_000  # characters of settings
_PAGE_DATA = re.compile(rb'<script type="application/json" id="data">(.*?)</script>', re.DOTALL)
_SVG = re.compile(rb"<dc:description>(.{1,20000}?)</dc:description>", re.DOTALL)
_PDF = re.compile(rb"/Subject \(((?:[^()\\]|\\.){1,20000})\)", re.DOTALL)
_WEBM_COMMENT = b"COMMENT\x44\x87"  # the name of a tag, and the head of its text


def _from_picture(content: bytes) -> str | None:
    """A text of a PNG or APNG, the comment of a GIF."""
    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "GIF")) as image:
            if image.width * image.height > MAX_PIXELS:
                return None
            found = image.info.get("diswm") or image.info.get("comment")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return found.decode("utf-8", "replace") if isinstance(found, bytes) else found


def _from_archive(content: bytes) -> str | None:
    """`settings` of an NPZ, or those of the figure in a bundle."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [member for member in archive.infolist() if member.file_size <= MAX_BYTES]
            for member in members:
                if member.filename == "settings.npy":
                    read_header(archive, member)  # refuses an array that is not as large as its header says
                    return str(np.lib.format.read_array(io.BytesIO(archive.read(member)), allow_pickle=False))
                if member.filename.endswith("/traversal.png"):
                    return _from_picture(archive.read(member))
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError, RuntimeError):
        pass
    return None


def _from_svg(content: bytes) -> str | None:
    """The description of an SVG."""
    found = _SVG.search(content[:200_000])
    if found is None:
        return None
    text = found.group(1).decode("utf-8", "replace")
    return text.replace("&quot;", '"').replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _from_pdf(content: bytes) -> str | None:
    """The subject of a PDF, which stands at its end."""
    if not content.startswith(b"%PDF"):
        return None
    found = _PDF.search(content, max(0, len(content) - 100_000))
    return None if found is None else re.sub(rb"\\(.)", rb"\1", found.group(1)).decode("latin-1")


def _from_mp4(content: bytes) -> str | None:
    """The comment of an MP4."""
    found = comment_of(content) if content[4:8] == b"ftyp" else None
    return None if found is None else found[:MAX_TEXT].decode("utf-8", "replace")


def _from_webm(content: bytes) -> str | None:
    """The comment among the tags of a WebM."""
    place = content.find(_WEBM_COMMENT) if content.startswith(b"\x1a\x45\xdf\xa3") else -1
    if place < 0:
        return None
    start = place + len(_WEBM_COMMENT)
    (head,) = struct.unpack(">Q", content[start : start + 8].ljust(8, b"\0"))
    width = 9 - (head >> 56).bit_length()  # bytes of the length: as many as there are zeros in front, and one
    length = (head >> 8 * (8 - width)) & ((1 << 7 * width) - 1) if width <= 8 else 0
    return content[start + width : start + width + min(length, MAX_TEXT)].decode("utf-8", "replace")


def _from_page(content: bytes) -> str | None:
    """The settings among the data of an interactive page."""
    found = _PAGE_DATA.search(content)
    try:
        return None if found is None else json.dumps(json.loads(found.group(1))["settings"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _from_table(content: bytes) -> str | None:
    """The first cell of a CSV's last column."""
    lines = csv.reader(io.StringIO(content[: 10 * MAX_TEXT].decode("utf-8-sig", "replace")))
    try:
        head, first = next(lines), next(lines)
    except (StopIteration, csv.Error):
        return None
    return first[-1] if head and first and len(head) == len(first) and head[-1] == SETTINGS else None


READERS: tuple[Callable[[bytes], str | None], ...] = (
    _from_picture,
    _from_archive,
    _from_svg,
    _from_pdf,
    _from_mp4,
    _from_webm,
    _from_page,
    _from_table,
)
