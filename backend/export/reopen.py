"""The other way round: the view that an exported file was made from."""

import io
import json
import re
import zipfile
import zlib
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from backend.data.archive import read_header
from backend.interpret.charts import KINDS as CHARTS

MAX_PIXELS = 100_000_000
MAX_BYTES = 64 * 2**20  # of the one member of an archive that is read
KINDS = ("traversal", "rollout", "temporal", "together", "counterfactual", *CHARTS)


class NoSettings(ValueError):
    """The file does not say which view it shows."""


def read_settings(content: bytes) -> dict[str, Any]:
    """{"diswm": one of KINDS, "checkpoint", "weights", "view"} of a PNG, APNG, GIF, SVG, NPZ or bundle.

    Nothing in the file is executed. Raises NoSettings.
    """
    for read in (_from_picture, _from_archive, _from_text):
        text = read(content)
        settings = _checked(text) if text else None
        if settings is not None:
            return settings
    raise NoSettings(
        "the file carries no settings of DisWM Studio; open a PNG, APNG, GIF, SVG, NPZ or bundle made here"
    )


def _from_picture(content: bytes) -> str | None:
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
                    read_header(archive, member)  # an array of that many bytes, whatever it says of itself
                    return str(np.lib.format.read_array(io.BytesIO(archive.read(member)), allow_pickle=False))
                if member.filename.endswith("/traversal.png"):
                    return _from_picture(archive.read(member))
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError, RuntimeError):
        pass
    return None


def _from_text(content: bytes) -> str | None:
    """The description of an SVG."""
    found = re.search(rb"<dc:description>(.{1,20000}?)</dc:description>", content[:200_000], re.DOTALL)
    if found is None:
        return None
    text = found.group(1).decode("utf-8", "replace")
    return text.replace("&quot;", '"').replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _checked(text: str) -> dict[str, Any] | None:
    try:
        settings = json.loads(text)
    except ValueError:
        return None
    known = isinstance(settings, dict) and settings.get("diswm") in KINDS
    return settings if known and isinstance(settings.get("view"), dict) else None
